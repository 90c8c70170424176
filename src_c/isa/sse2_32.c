#define FM_BITS 32
#include "isa/sse2.h"
#include "kernels/kernels_tmpl.c"
