// Code as other people's libraries have it: compiled without split stacks (foreign_nosplit.cpp).
#pragma once

namespace foreign {

struct object {
  virtual ~object() = default;
  virtual int get() const;      // no frame at all
  virtual double half() const;  // the same with vector registers
  virtual void set(int n);      // writes memory, not the stack
  virtual long sum(long a, long b, long c, long d, long e, long f, long g,
                   long h);                // arguments on the stack
  virtual int frame(int n);                // kilobytes
  virtual int deep(int n);                 // recursion
  virtual int call(int (*f)(int), int n);  // calls back
  virtual int red_zone(int n);             // a leaf that keeps its locals below rsp
  int number = 7;
};

object& get_object();

}  // namespace foreign
