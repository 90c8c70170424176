#define FM_ISA avx2
#define FM_VECTOR_BYTES 32
#define FM_FORWARD_ROWS 6
#define FM_GRADIENT_ROWS 6
#include "kernels/kernels_tmpl.c"
