#define FM_BITS 32
#include "isa/avx2.h"
#include "kernels/kernels_tmpl.c"
