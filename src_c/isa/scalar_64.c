#define FM_BITS 64
#include "isa/scalar.h"
#include "kernels/kernels_tmpl.c"
