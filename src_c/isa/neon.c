#define FM_ISA neon
#define FM_VECTOR_BYTES 16
#define FM_FORWARD_ROWS 12
#define FM_GRADIENT_ROWS 8
#include "kernels/kernels_tmpl.c"
