/* All kernels of one instruction set, in both element types. A stub (isa_*.c) sets
 *   FM_ISA            its name
 *   FM_VECTOR_BYTES   bytes in a vector register
 *   FM_FORWARD_ROWS   rows of the register tile of a layer's forward product
 *   FM_GRADIENT_ROWS  rows of the register tile of the weight gradient
 * and includes this file. Helpers are static: were they shared, the linker could keep the copy compiled for a wider
 * instruction set than the CPU has. */
#include <math.h>
#include <string.h>

#include "bfloat16.h"
#include "fastmlp.h"
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif
#define FM_INLINE static inline __attribute__((always_inline))

/* As many lines as so many multiply-adds may ask for. The line that a row's last byte lies on is asked for, too. */
static __attribute__((noinline)) void ask_for_rows(fm_next_rows *next, long multiply_adds) {
    next->lines_due += (double)multiply_adds * next->lines_per_multiply_add;
    for (; next->lines_due >= 1 && next->rows; next->lines_due -= 1) {
        const long last = next->width_bytes - 1, at = next->done_bytes < last ? next->done_bytes : last;
        __builtin_prefetch(next->x + *next->order * next->row_bytes + at, 0, 2);
        next->done_bytes += FM_LINE_BYTES;
        if (at == last) {
            next->done_bytes = 0;
            next->order++;
            next->rows--;
        }
    }
}

#define FM_BITS 32
#include "family_tmpl.c"
#undef FM_BITS
#define FM_BITS 64
#include "family_tmpl.c"
#undef FM_BITS
