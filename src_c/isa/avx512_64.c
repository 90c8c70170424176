#define FM_BITS 64
#include "isa/avx512.h"
#include "kernels/kernels_tmpl.c"
