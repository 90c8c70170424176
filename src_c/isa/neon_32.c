#define FM_BITS 32
#include "isa/neon.h"
#include "kernels/kernels_tmpl.c"
