/* This file has the vectors of the element type, written with the vector extension of GCC and Clang. */
#define FM_LANES ((long)(FM_VECTOR_BYTES / sizeof(FM_REAL)))
#define FM_PANEL_VECTORS (FM_PANEL / FM_LANES)

typedef FM_REAL FM(vector) __attribute__((vector_size(FM_VECTOR_BYTES)));
typedef FM_INT FM(integers) __attribute__((vector_size(FM_VECTOR_BYTES)));
/* These are short names, which the arguments of FM must not be. */
#define vec FM(vector)
#define ivec FM(integers)
#define v_select FM(vector_select)
#define v_abs FM(vector_abs)
#define v_clamp FM(vector_clamp)
#define v_pow2 FM(vector_pow2)
#define v_exp FM(vector_exp)
#define v_expm1 FM(vector_expm1)
#define v_expm1_below FM(vector_expm1_below)
#define v_log_of FM(vector_log_of)
#define v_log FM(vector_log)
#define v_log1p FM(vector_log1p)
#define v_logistic FM(vector_logistic)
#define v_tanh FM(vector_tanh)
#define v_normal_cdf FM(vector_normal_cdf)
#define v_sqrt FM(vector_sqrt)
#define v_over_root FM(vector_over_root)
#define v_root_ratio FM(vector_root_ratio)
#define v_rsqrt_estimate FM(vector_rsqrt_estimate)
#define v_sign FM(vector_sign)
#define v_sum FM(vector_sum)
#define v_all FM(vector_all)
#define v_lane_numbers FM(vector_lane_numbers)
#define v_reduce FM(vector_reduce)

FM_INLINE vec v_all(FM_REAL x) {
    return x - (vec){0}; /* a difference keeps -0, and compiles to a broadcast */
}

/* Returns 0, 1, 2, ... */
FM_INLINE ivec v_lane_numbers(void) {
    ivec lanes;
    for (long i = 0; i < FM_LANES; i++)
        lanes[i] = (FM_INT)i;
    return lanes;
}

FM_INLINE vec v_select(ivec mask, vec a, vec b) {
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

FM_INLINE vec v_abs(vec x) {
    return (vec)((ivec)x & ~(ivec)v_all((FM_REAL)-0.0));
}

/* Returns x, but not less than low nor more than high. NaN passes through, since both comparisons are false. */
FM_INLINE vec v_clamp(vec x, FM_REAL low, FM_REAL high) {
    x = v_select(x < low, v_all(low), x);
    return v_select(x > high, v_all(high), x);
}

/* Returns -1, 0 or 1, as the sign of x is. NaN passes through. */
FM_INLINE vec v_sign(vec x) {
    return v_select(x > 0, v_all(1), v_select(x < 0, v_all(-1), x));
}

FM_INLINE vec v_sqrt(vec x) {
#if FM_HAS_SQRT
    return FM_SQRT(x);
#else
    for (long i = 0; i < FM_LANES; i++)
        x[i] = (FM_REAL)sqrt(x[i]); /* exact for float too: double rounding is harmless for a square root */
    return x;
#endif
}

#if FM_HAS_FAST_ROOTS && FM_BITS == 32
/* Returns 1 / sqrt(v) for v >= 0, by the CPU's estimate and a Newton step. The limits keep 0 and infinity from turning
 * into NaN, and let NaN through. */
FM_INLINE vec v_rsqrt_estimate(vec v) {
    const vec x = FM_MIN(v_all(3e38f), FM_MAX(v_all(4e-38f), v)), y = FM_ROOT_ESTIMATE(x);
    return y * ((FM_REAL)1.5 - (FM_REAL)0.5 * x * y * y);
}
#endif

/* Returns m / (sqrt(v) + e) for v >= 0. Where there are fast roots, the root comes from the CPU's estimate of 1 /
 * sqrt(v), within 2^-14, since the exact root of such a vector takes longer than the rest of an update rule. s is v
 * times the estimate y. In single precision s (1.5 - s y / 2) is the root after a Newton step, all in all within 3 ulp.
 * In double precision one step makes s and h, which is half of 1 / sqrt(v), exact to 27 bits, and h times what is left
 * of v - s s adds the others, within 2 ulp; roots below 1e-145 count as that, where what is left would be denormal. */
FM_INLINE vec v_over_root(vec m, vec v, vec e) {
#if FM_HAS_FAST_ROOTS && FM_BITS == 32
    /* Estimates of 1 / sqrt(0) and 1 / sqrt(infinity) would make s NaN. With 0 (code 8, for class 2) and 1 (code 10,
     * for class 5) instead, the root comes out as 0 and as minus infinity. */
    const vec y = FM_FIX_UP(FM_ROOT_ESTIMATE(v), v, 8 << 4 * 2 | 10 << 4 * 5);
    const vec s = v * y;
    return m / (s * ((FM_REAL)1.5 - s * ((FM_REAL)0.5 * y)) + e);
#elif FM_HAS_FAST_ROOTS
    /* Where v is infinity (class 5), its root is infinity, too (code 5). */
    const vec x = FM_MIN(v_all(0x1.fffffffffffffp1023), FM_MAX(v_all(1e-290), v)), y = FM_ROOT_ESTIMATE(x);
    vec s = x * y, h = 0.5 * y;
    const vec error = 0.5 - s * h;
    s += s * error;
    h += h * error;
    return m / (FM_FIX_UP(s + h * (x - s * s), v, 5 << 4 * 5) + e);
#else
    return m / (v_sqrt(v) + e);
#endif
}

/* Returns sqrt(a) / sqrt(b) for a and b > 0; by estimates in single precision where there are fast roots. */
FM_INLINE vec v_root_ratio(vec a, vec b) {
#if FM_HAS_FAST_ROOTS && FM_BITS == 32
    return a * v_rsqrt_estimate(a) * v_rsqrt_estimate(b);
#else
    return v_sqrt(a / b);
#endif
}

/* Returns the sum of the lanes, which are added in pairs. */
FM_INLINE double v_sum(vec x) {
    FM_REAL lanes[FM_VECTOR_BYTES / sizeof(FM_REAL)];
    memcpy(lanes, &x, sizeof lanes);
    for (long half = FM_LANES / 2; half > 0; half /= 2)
        for (long i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}
