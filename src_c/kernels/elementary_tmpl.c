/* Elementary functions of vectors.
 *
 * * exp and those made of it reduce the argument by n ln 2 (with Cody and Waite's constant of two parts; n is rounded
 * by adding a large number), sum a Taylor polynomial on |r| <= ln(2)/2 and scale by 2^n in two steps, so that overflow
 * and denormal numbers come out right. They are within 2 ulp in double precision and 3 in single, which
 * tests/test_kernels.py measures. */
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

/* Returns 2^n for n in the range of normal numbers. */
FM_INLINE vec v_pow2(ivec n) {
    return (vec)((n + FM_BIAS) << FM_MANTISSA);
}

/* Finds n and r so that x = n ln 2 + r, and returns expm1(r) - r. The two parts stay apart for expm1, where 2^n r may
 * cancel most of 2^n - 1. */
FM_INLINE vec v_reduce(vec x, ivec *n, vec *r_out) {
    const vec shifted = x * (FM_REAL)1.4426950408889634 + FM_MAGIC;
    const vec whole = shifted - FM_MAGIC;
    *n = (ivec)shifted - (ivec)v_all(FM_MAGIC);
    const vec high = x - whole * FM_LN2_HIGH, low = whole * FM_LN2_LOW;
    const vec r = high - low, lost = (high - r) - low; /* this is what rounding r lost */
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

/* Returns n ln 2 + log(1 + f), where 1 + f lies between the roots of 1/2 and 2. With s = f / (2 + f), log(1 + f) is 2
 * atanh(s) = f - (f^2/2 - s (f^2/2 + 2 s^2/3 + 2 s^4/5 + ...)), whose largest term is exact. */
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

/* Returns the logarithm of a normal number x > 0, taken apart as x = 2^n (1 + f). NaN passes through. */
FM_INLINE vec v_log(vec x) {
    const ivec n = ((ivec)x - (FM_INT)FM_ROOT_HALF_BITS) >> FM_MANTISSA;
    const vec f = (vec)((ivec)x - (n << FM_MANTISSA)) - (FM_REAL)1;
    return v_select(x == x, v_log_of(f, __builtin_convertvector(n, vec)), x);
}

/* Returns log(1 + x) for 0 <= x <= 1. NaN passes through. */
FM_INLINE vec v_log1p(vec x) {
    const ivec large = x > (FM_REAL)0.41421356237309505;
    return v_log_of(v_select(large, (x - (FM_REAL)1) * (FM_REAL)0.5, x), v_select(large, v_all(1), v_all(0)));
}

/* Returns e^x - 1 for FM_EXPM1_LOW <= x <= 2 FM_TANH_HIGH. */
FM_INLINE vec v_expm1(vec x) {
    ivec n;
    vec r;
    const vec rest = v_reduce(x, &n, &r), scale = v_pow2(n);
    const vec whole = scale - (FM_REAL)1, scaled = r * scale, sum = whole + scaled;
    return sum + (rest * scale + (scaled - (sum - whole))); /* what rounding the sum lost is added */
}

/* Returns e^x - 1 for x <= 0. NaN passes through. */
FM_INLINE vec v_expm1_below(vec x) {
    return v_expm1(v_clamp(x, FM_EXPM1_LOW, 0));
}

/* In this function and the next the quotient q = a / (b + c), where b > c, is mended for what rounding b + c lost, with
 * 1 / (b + c) computed from q itself. */
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

/* These are the coefficients of (x + k) e^(x^2) erfc(x) as a polynomial in (x - k) / (x + k), where k is
 * FM_NORMAL_CENTRE, highest power first. They are a fit by Chebyshev's polynomials for all x whose erfc is not zero. */
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

/* Returns P(Z <= z) of the standard normal distribution, and writes its density; both have small relative errors in the
 * lower tail, too. What rounding z^2 lost is put back, since e^(-z^2/2) makes much of it. */
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
