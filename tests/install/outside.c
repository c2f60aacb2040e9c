/* C code of an outside program. */
int outside_c(int depth) {
  volatile char room[512];
  room[0] = 1;
  return depth == 0 ? 0 : outside_c(depth - 1) + room[0];
}
