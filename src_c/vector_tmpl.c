/* Vectors of the element type, written with the GCC/Clang vector extension, and the elementary functions on them.
 *
 * exp and its kin reduce the argument by n ln 2 (Cody and Waite's two-part constant; n is rounded by adding a large
 * number), sum a Taylor polynomial on |r| <= ln(2)/2 and scale by 2^n in two steps, so that overflow and denormals
 * come out right. At most 2 ulp in double and 3 in float (tests/test_kernels.py measures it). */
#define FM_LANES ((long)(FM_VECTOR_BYTES / sizeof(FM_REAL)))
#define FM_PANEL_VECTORS (FM_PANEL / FM_LANES)

typedef FM_REAL FM(vector) __attribute__((vector_size(FM_VECTOR_BYTES)));
typedef FM_INT FM(integers) __attribute__((vector_size(FM_VECTOR_BYTES)));
/* Short names; the arguments of FM must not be macros themselves. */
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
    return x - (vec){0}; /* minus keeps -0, and compiles to a broadcast */
}

/* 0, 1, 2, ... */
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

/* NaN passes through: both comparisons are false. */
FM_INLINE vec v_clamp(vec x, FM_REAL low, FM_REAL high) {
    x = v_select(x < low, v_all(low), x);
    return v_select(x > high, v_all(high), x);
}

/* -1, 0 or 1; NaN passes through. */
FM_INLINE vec v_sign(vec x) {
    return v_select(x > 0, v_all(1), v_select(x < 0, v_all(-1), x));
}

FM_INLINE vec v_sqrt(vec x) {
#if FM_VECTOR_BYTES == 64 && FM_BITS == 32
    return (vec)_mm512_sqrt_ps((__m512)x);
#elif FM_VECTOR_BYTES == 64
    return (vec)_mm512_sqrt_pd((__m512d)x);
#elif FM_VECTOR_BYTES == 32 && FM_BITS == 32
    return (vec)_mm256_sqrt_ps((__m256)x);
#elif FM_VECTOR_BYTES == 32
    return (vec)_mm256_sqrt_pd((__m256d)x);
#elif FM_VECTOR_BYTES == 16 && defined(__SSE2__) && FM_BITS == 32
    return (vec)_mm_sqrt_ps((__m128)x);
#elif FM_VECTOR_BYTES == 16 && defined(__SSE2__)
    return (vec)_mm_sqrt_pd((__m128d)x);
#elif FM_VECTOR_BYTES == 16 && defined(__ARM_NEON) && FM_BITS == 32
    return (vec)vsqrtq_f32((float32x4_t)x);
#elif FM_VECTOR_BYTES == 16 && defined(__ARM_NEON)
    return (vec)vsqrtq_f64((float64x2_t)x);
#else
    for (long i = 0; i < FM_LANES; i++)
        x[i] = (FM_REAL)sqrt(x[i]); /* exact for float too: double rounding is harmless for a square root */
    return x;
#endif
}

#if FM_VECTOR_BYTES == 64 && FM_BITS == 32
/* 1 / sqrt(x), x >= 0, by the CPU's estimate and a Newton step. The clamps keep 0 and infinity from turning into NaN; min
 * and max return their second argument when one is NaN. */
FM_INLINE vec v_rsqrt_estimate(vec v) {
    const __m512 x = _mm512_min_ps(_mm512_set1_ps(3e38f), _mm512_max_ps(_mm512_set1_ps(4e-38f), (__m512)v));
    const vec y = (vec)_mm512_rsqrt14_ps(x);
    return y * ((FM_REAL)1.5 - (FM_REAL)0.5 * (vec)x * y * y);
}
#endif

/* m / (sqrt(v) + e), v >= 0. On AVX-512 the root comes from the CPU's estimate of 1 / sqrt(v), within 2^-14, since the exact
 * root of such a vector takes longer than the rest of an update rule. s is v times the estimate y. In single precision
 * s (1.5 - s y / 2) is the root after a Newton step (all in all within 3 ulp). In double precision one step makes s and h,
 * which is half of 1 / sqrt(v), exact to 27 bits, and h times what is left of v - s s adds the others (2 ulp; roots below
 * 1e-145 count as that, where what is left would be denormal). */
FM_INLINE vec v_over_root(vec m, vec v, vec e) {
#if FM_VECTOR_BYTES == 64 && FM_BITS == 32
    /* Estimates of 1 / sqrt(0) and 1 / sqrt(infinity) would make s NaN; with 0 (code 8, for class 2) and 1 (10, for 5)
     * instead the root comes out as 0 and as minus infinity. */
    const __m512i instead = _mm512_set1_epi32(8 << 4 * 2 | 10 << 4 * 5);
    const vec y = (vec)_mm512_fixupimm_ps(_mm512_rsqrt14_ps((__m512)v), (__m512)v, instead, 0);
    const vec s = v * y;
    return m / (s * ((FM_REAL)1.5 - s * ((FM_REAL)0.5 * y)) + e);
#elif FM_VECTOR_BYTES == 64
    /* min and max return their second argument when one is NaN. Where v is infinity, so is its root (code 5, class 5). */
    const __m512d most = _mm512_set1_pd(0x1.fffffffffffffp1023), least = _mm512_set1_pd(1e-290);
    const __m512d x = _mm512_min_pd(most, _mm512_max_pd(least, (__m512d)v));
    const vec y = (vec)_mm512_rsqrt14_pd(x);
    vec s = (vec)x * y, h = 0.5 * y;
    const vec error = 0.5 - s * h;
    s += s * error;
    h += h * error;
    const __m512d root = (__m512d)(s + h * ((vec)x - s * s));
    return m / ((vec)_mm512_fixupimm_pd(root, (__m512d)v, _mm512_set1_epi64(5 << 4 * 5), 0) + e);
#else
    return m / (v_sqrt(v) + e);
#endif
}

/* sqrt(a) / sqrt(b), a and b > 0; in single precision on AVX-512 by estimates. */
FM_INLINE vec v_root_ratio(vec a, vec b) {
#if FM_VECTOR_BYTES == 64 && FM_BITS == 32
    return a * v_rsqrt_estimate(a) * v_rsqrt_estimate(b);
#else
    return v_sqrt(a / b);
#endif
}

/* Sum of the lanes, pairwise. */
FM_INLINE double v_sum(vec x) {
    FM_REAL lanes[FM_VECTOR_BYTES / sizeof(FM_REAL)];
    memcpy(lanes, &x, sizeof lanes);
    for (long half = FM_LANES / 2; half > 0; half /= 2)
        for (long i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}

#if FM_BITS == 32
#define FM_MANTISSA 23
#define FM_BIAS 127
#define FM_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define FM_LN2_HIGH 0x1.62e4p-1f
#define FM_LN2_LOW 0x1.7f7d1cp-20f
#define FM_EXP_LOW -104.0f
#define FM_EXP_HIGH 89.0f
#define FM_TANH_HIGH 10.0f
#define FM_ROOT_HALF_BITS 0x3f3504f3
#define FM_EXPM1_LOW -40.0f
#define FM_NORMAL_HIGH 15.0f
#define FM_NORMAL_CENTRE 3.0
#define FM_SPLIT_MASK 0xfff
#else
#define FM_MANTISSA 52
#define FM_BIAS 1023
#define FM_MAGIC 6755399441055744.0 /* 1.5 * 2^52 */
#define FM_LN2_HIGH 0x1.62e42feep-1
#define FM_LN2_LOW 0x1.a39ef35793c76p-33
#define FM_EXP_LOW -746.0
#define FM_EXP_HIGH 710.0
#define FM_TANH_HIGH 22.0
#define FM_ROOT_HALF_BITS 0x3fe6a09e667f3bcd
#define FM_EXPM1_LOW -80.0
#define FM_NORMAL_HIGH 39.0
#define FM_NORMAL_CENTRE 3.75
#define FM_SPLIT_MASK 0x7ffffff
#endif

/* 2^n for n in the range of normal numbers. */
FM_INLINE vec v_pow2(ivec n) {
    return (vec)((n + FM_BIAS) << FM_MANTISSA);
}

/* x = n ln 2 + r; returns expm1(r) - r. The two parts stay apart for expm1, where 2^n r may cancel most of 2^n - 1. */
FM_INLINE vec v_reduce(vec x, ivec *n, vec *r_out) {
    const vec shifted = x * (FM_REAL)1.4426950408889634 + FM_MAGIC;
    const vec whole = shifted - FM_MAGIC;
    *n = (ivec)shifted - (ivec)v_all(FM_MAGIC);
    const vec high = x - whole * FM_LN2_HIGH, low = whole * FM_LN2_LOW;
    const vec r = high - low, lost = (high - r) - low; /* what rounding r lost */
#if FM_BITS == 32
    vec p = v_all((FM_REAL)(1.0 / 5040));
#else
    vec p = v_all((FM_REAL)(1.0 / 6227020800));
    p = p * r + (FM_REAL)(1.0 / 479001600);
    p = p * r + (FM_REAL)(1.0 / 39916800);
    p = p * r + (FM_REAL)(1.0 / 3628800);
    p = p * r + (FM_REAL)(1.0 / 362880);
    p = p * r + (FM_REAL)(1.0 / 40320);
    p = p * r + (FM_REAL)(1.0 / 5040);
#endif
    p = p * r + (FM_REAL)(1.0 / 720);
    p = p * r + (FM_REAL)(1.0 / 120);
    p = p * r + (FM_REAL)(1.0 / 24);
    p = p * r + (FM_REAL)(1.0 / 6);
    p = p * r + (FM_REAL)0.5;
    *r_out = r;
    return p * (r * r) + lost;
}

FM_INLINE vec v_exp(vec x) {
    ivec n;
    vec r;
    const vec rest = v_reduce(v_clamp(x, FM_EXP_LOW, FM_EXP_HIGH), &n, &r);
    const ivec half = n >> 1;
    return ((FM_REAL)1 + (r + rest)) * v_pow2(half) * v_pow2(n - half);
}

/* n ln 2 + log(1 + f), 1 + f between the roots of 1/2 and 2: with s = f / (2 + f), log(1 + f) = 2 atanh(s)
 * = f - (f^2/2 - s (f^2/2 + 2 s^2/3 + 2 s^4/5 + ...)), whose largest term is exact. */
FM_INLINE vec v_log_of(vec f, vec n) {
    const vec s = f / (f + (FM_REAL)2), z = s * s;
#if FM_BITS == 32
    vec p = v_all((FM_REAL)(2.0 / 11));
#else
    vec p = v_all((FM_REAL)(2.0 / 21));
    p = p * z + (FM_REAL)(2.0 / 19);
    p = p * z + (FM_REAL)(2.0 / 17);
    p = p * z + (FM_REAL)(2.0 / 15);
    p = p * z + (FM_REAL)(2.0 / 13);
    p = p * z + (FM_REAL)(2.0 / 11);
#endif
    p = p * z + (FM_REAL)(2.0 / 9);
    p = p * z + (FM_REAL)(2.0 / 7);
    p = p * z + (FM_REAL)(2.0 / 5);
    p = p * z + (FM_REAL)(2.0 / 3);
    const vec half = f * f * (FM_REAL)0.5;
    const vec log_1pf = f - (half - (s * (half + z * p) + n * FM_LN2_LOW));
    return n * FM_LN2_HIGH + log_1pf;
}

/* For normal numbers x > 0; NaN passes through. x = 2^n (1 + f). */
FM_INLINE vec v_log(vec x) {
    const ivec n = ((ivec)x - (FM_INT)FM_ROOT_HALF_BITS) >> FM_MANTISSA;
    const vec f = (vec)((ivec)x - (n << FM_MANTISSA)) - (FM_REAL)1;
    return v_select(x == x, v_log_of(f, __builtin_convertvector(n, vec)), x);
}

/* log(1 + x) for 0 <= x <= 1; NaN passes through. */
FM_INLINE vec v_log1p(vec x) {
    const ivec large = x > (FM_REAL)0.41421356237309505;
    return v_log_of(v_select(large, (x - (FM_REAL)1) * (FM_REAL)0.5, x), v_select(large, v_all(1), v_all(0)));
}

/* For FM_EXPM1_LOW <= x <= 2 FM_TANH_HIGH. */
FM_INLINE vec v_expm1(vec x) {
    ivec n;
    vec r;
    const vec rest = v_reduce(x, &n, &r), scale = v_pow2(n);
    const vec whole = scale - (FM_REAL)1, scaled = r * scale, sum = whole + scaled;
    return sum + (rest * scale + (scaled - (sum - whole))); /* with what rounding the sum lost */
}

/* For x <= 0; NaN passes through. */
FM_INLINE vec v_expm1_below(vec x) {
    return v_expm1(v_clamp(x, FM_EXPM1_LOW, 0));
}

/* In both functions below the quotient q = a / (b + c), b > c, is mended for what rounding b + c lost, with 1 / (b + c) from
 * q itself. */
FM_INLINE vec v_logistic(vec x) {
    const vec e = v_exp(-v_abs(x)), below = e + (FM_REAL)1, lost = e - (below - (FM_REAL)1);
    const ivec negative = x < 0;
    const vec q = v_select(negative, e, v_all(1)) / below;
    return q - q * (lost * v_select(negative, (FM_REAL)1 - q, q));
}

FM_INLINE vec v_tanh(vec x) {
    const ivec sign = (ivec)x & (ivec)v_all((FM_REAL)-0.0);
    const vec m = v_expm1(v_clamp(v_abs(x), 0, FM_TANH_HIGH) * (FM_REAL)2);
    const vec below = m + (FM_REAL)2, lost = v_select(m < (FM_REAL)2, m - (below - (FM_REAL)2), v_all(0));
    const vec q = m / below;
    return (vec)((ivec)(q - q * (lost * ((FM_REAL)0.5 - (FM_REAL)0.5 * q))) | sign);
}

/* (x + k) e^(x^2) erfc(x) as a polynomial in (x - k) / (x + k), k = FM_NORMAL_CENTRE, highest power first: a fit by
 * Chebyshev's polynomials for all x whose erfc is not zero. */
static const FM_REAL FM(erfc_scaled)[] = {
#if FM_BITS == 32
    -0.000333150355144f, -0.000497142237715f, 0.00307963214698f, -0.00121720932285f, -0.0268374257448f,
    0.119527077692f,     -0.310466518013f,    0.590228447202f,   -0.883394463748f,   1.07400690584f,
#else
    -1.2981718729642874616e-9,  -4.6260804366035277784e-9, 6.2088856229895926486e-9,  4.0380811796380300194e-8,
    -3.0751621107620589966e-8,  -2.6477096782521454735e-7, 2.8256584448475428676e-7,  1.657116510397439143e-6,
    -3.2905857378297527012e-6,  -8.9044919845310031643e-6, 0.00003747199990844188234, 0.000010594158714891395249,
    -0.00034864689818001595493, 0.0007948230677097879284,  0.00098633808356024713364, -0.012535880037475820297,
    0.049118778615085057411,    -0.1319554011787550075,    0.27906204903378772191,    -0.4904702912076721942,
    0.73631892522175164583,     -0.95874157665290961889,   1.0919229095627890428,
#endif
};

/* The standard normal distribution: P(Z <= z), and in density its density, both with small relative errors in the lower
 * tail too. What rounding z^2 lost is put back, since e^(-z^2/2) makes much of it. */
FM_INLINE vec v_normal_cdf(vec z, vec *density) {
    const vec size = v_clamp(v_abs(z), 0, FM_NORMAL_HIGH), square = size * size;
    const vec high = (vec)((ivec)size & ~(FM_INT)FM_SPLIT_MASK), low = size - high;
    const vec lost = ((high * high - square) + (FM_REAL)2 * high * low) + low * low;
    const vec x = size * (FM_REAL)0.70710678118654752, below = x + (FM_REAL)FM_NORMAL_CENTRE;
    const vec t = (x - (FM_REAL)FM_NORMAL_CENTRE) / below;
    vec p = v_all(FM(erfc_scaled)[0]);
#pragma GCC unroll 32
    for (size_t i = 1; i < sizeof FM(erfc_scaled) / sizeof(FM_REAL); i++)
        p = p * t + FM(erfc_scaled)[i];
    const vec bell = v_exp(square * (FM_REAL)-0.5) * ((FM_REAL)1 - lost * (FM_REAL)0.5);
    const vec tail = (FM_REAL)0.5 * bell * p / below;
    *density = bell * (FM_REAL)0.3989422804014327;
    return v_select(z > 0, (FM_REAL)1 - tail, tail);
}

#if FM_VECTOR_BYTES == 64
/* Lanes of x and, numbered on from them, of y. */
FM_INLINE vec FM(pick_lanes)(vec x, ivec lanes, vec y) {
#if FM_BITS == 32
    return (vec)_mm512_permutex2var_ps((__m512)x, (__m512i)lanes, (__m512)y);
#else
    return (vec)_mm512_permutex2var_pd((__m512d)x, (__m512i)lanes, (__m512d)y);
#endif
}

/* Numbers that pick the lanes with bit s clear: those of x stay, those of y go where bit s is set. With s more, they pick
 * the lanes with bit s set. */
FM_INLINE ivec FM(lanes_without)(long s) {
    const ivec lane = v_lane_numbers(), second = (lane & (FM_INT)s) != 0;
    return lane + (second & (FM_INT)(FM_LANES - s));
}

/* Squares of n lanes side by side in n vectors, each transposed: after stage s, bit s of row and lane number have changed
 * places. */
FM_INLINE void FM(transpose_lanes)(const long n, vec *a) {
#pragma GCC unroll 4
    for (long s = 1; s < n; s *= 2) {
        const ivec low = FM(lanes_without)(s), high = low + (FM_INT)s;
#pragma GCC unroll 16
        for (long i = 0; i < n; i++)
            if (!(i & s)) {
                const vec x = a[i], y = a[i + s];
                a[i] = FM(pick_lanes)(x, low, y);
                a[i + s] = FM(pick_lanes)(x, high, y);
            }
    }
}

/* The sums over the lanes of as many vectors as a vector has lanes, in one vector: at each stage the upper half of what is
 * left of a row's lanes is added to the lower. */
FM_INLINE vec FM(sums_of_lanes)(vec *a) {
#pragma GCC unroll 4
    for (long s = FM_LANES / 2; s >= 1; s /= 2) {
        const ivec lane = v_lane_numbers(), second = (lane & (FM_INT)s) != 0;
        const ivec others = (lane ^ (FM_INT)s) + (second & (FM_INT)FM_LANES);
#pragma GCC unroll 16
        for (long i = 0; i < s; i++)
            a[i] = v_select(second, a[i + s], a[i]) + FM(pick_lanes)(a[i], others, a[i + s]);
    }
    return a[0];
}
#endif
