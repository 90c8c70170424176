#define FM_BITS 64
#include "isa/sse2.h"
#include "kernels/kernels_tmpl.c"
