#define FM_BITS 32
#include "isa/scalar.h"
#include "kernels/kernels_tmpl.c"
