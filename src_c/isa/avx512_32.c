#define FM_BITS 32
#include "isa/avx512.h"
#include "kernels/kernels_tmpl.c"
