#define FM_BITS 64
#include "isa/avx2.h"
#include "kernels/kernels_tmpl.c"
