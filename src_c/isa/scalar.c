#define FM_ISA scalar
#define FM_VECTOR_BYTES (FM_BITS / 8)
#define FM_FORWARD_ROWS 4
#define FM_GRADIENT_ROWS 4
#include "kernels/kernels_tmpl.c"
