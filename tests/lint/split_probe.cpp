// A program that is nothing but the library: split_calls.py looks at what the linker made of it.
int main() { return 0; }
