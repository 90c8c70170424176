#define FM_ISA avx512
#define FM_VECTOR_BYTES 64
#define FM_FORWARD_ROWS 13
#define FM_GRADIENT_ROWS 11
#include "kernels/kernels_tmpl.c"
