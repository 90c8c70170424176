#define FM_BITS 64
#include "isa/neon.h"
#include "kernels/kernels_tmpl.c"
