/* The ceiling that products are measured against: multiply-adds of registers alone. */

/* A vector of one element would go through the general registers. */
#if FM_VECTOR_BYTES * 8 == FM_BITS
#define FM_CEILING_TYPE FM_REAL
#else
#define FM_CEILING_TYPE vec
#endif

/* steps times a multiply-add to each sum; returns how many multiply-adds of elements these are. */
static long FM(multiply_add)(long steps) {
    /* Volatile: knowing the numbers, the compiler finds sums that come out alike, or constant, and drops them. */
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
    /* Somebody might read the sums: hence the loop is not removed. */
    __asm__ volatile("" : : "r"(sum) : "memory");
    return steps * FM_CEILING_SUMS * FM_LANES;
}
