/* This file has multiply-adds of registers alone, which are the ceiling that products are measured against. */

/* A vector of one element would go through the general registers. */
#if FM_VECTOR_BYTES * 8 == FM_BITS
#define FM_CEILING_TYPE FM_REAL
#else
#define FM_CEILING_TYPE vec
#endif

/* Does so many steps of one multiply-add to each sum, and returns how many multiply-adds of elements these are. */
static long FM(multiply_add)(long steps) {
    /* The numbers are volatile, since a compiler that knew them would find sums that come out alike, or constant, and
     * drop them. */
    const volatile FM_REAL one = 1;
    const FM_REAL factor = one / 2, addend = one;
    FM_CEILING_TYPE sum[FM_CEILING_SUMS];
#pragma GCC unroll 24
    for (int i = 0; i < FM_CEILING_SUMS; i++)
        sum[i] = (FM_CEILING_TYPE){0} + i * one;
    for (long step = 0; step < steps; step++) {
#pragma GCC unroll 24
        for (int i = 0; i < FM_CEILING_SUMS; i++)
            sum[i] = sum[i] * factor + addend;
    }
    /* The compiler must take it that somebody reads the sums, or else it would remove the loop. */
    __asm__ volatile("" : : "r"(sum) : "memory");
    return steps * FM_CEILING_SUMS * FM_LANES;
}
