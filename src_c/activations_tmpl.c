/* Elementwise functions on rows of one panel, one after another, in place. p is one number for all, or the panel's row of the
 * units' own numbers. */
#define FM_SELU_SCALE 1.0507009873554804934193349852946
#define FM_SELU_ALPHA 1.6732632423543772848170429916717
#define FM_GELU_RATE 1.5957691216057308 /* 2 sqrt(2 / pi) */
#define FM_GELU_CUBE (0.044715 * FM_GELU_RATE)

/* Not below a limit, so that minus infinity times a share of 0 is 0; NaN passes through. */
FM_INLINE vec FM(above)(vec z, FM_REAL low) {
    return v_select(z < low, v_all(low), z);
}
#define v_above FM(above)

/* These products make as well (dense_tmpl.c). NaN stays one, and -0 what it is: max returns its second argument then. */
FM_INLINE vec FM(relu)(vec z) {
#if FM_VECTOR_BYTES == 64 && FM_BITS == 32
    return (vec)_mm512_max_ps(_mm512_setzero_ps(), (__m512)z);
#elif FM_VECTOR_BYTES == 64
    return (vec)_mm512_max_pd(_mm512_setzero_pd(), (__m512d)z);
#else
    return v_select(z < 0, v_all(0), z);
#endif
}
#define v_relu FM(relu)

FM_INLINE vec FM(relu_delta)(vec a, vec d) {
    return v_select(a != 0, d, v_all(0));
}
#define v_relu_delta FM(relu_delta)

#define FM_ACTIVATION(name, n_numbers, learnable, f, df)                                                          \
    static void FM(activate_##name)(long rows, void *values, void *slopes, void *shapes, const void *units,       \
                                    double number) {                                                              \
        vec *at = values;                                                                                         \
        const vec p = v_all((FM_REAL)number);                                                                     \
        (void)slopes, (void)shapes, (void)units, (void)p;                                                         \
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                                      \
            const vec z = at[i];                                                                                  \
            at[i] = f;                                                                                            \
        }                                                                                                         \
    }                                                                                                             \
    static void FM(derivative_##name)(long rows, const void *values, void *deltas, void *shapes, double number) { \
        const vec *as = values;                                                                                   \
        vec *ds = deltas;                                                                                         \
        const vec p = v_all((FM_REAL)number);                                                                     \
        (void)shapes, (void)p;                                                                                    \
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                                      \
            const vec a = as[i], d = ds[i];                                                                       \
            (void)a;                                                                                              \
            ds[i] = df;                                                                                           \
        }                                                                                                         \
    }
#define FM_SLOPED(name, n_numbers, learnable, ...)                                                                \
    static void FM(activate_##name)(long rows, void *values, void *slopes, void *shapes, const void *units,       \
                                    double number) {                                                              \
        vec *at = values;                                                                                         \
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                                      \
            const vec z = at[i], p = units ? ((const vec *)units)[i % FM_PANEL_VECTORS] : v_all((FM_REAL)number); \
            vec a, slope, shape = v_all(0);                                                                       \
            (void)p, (void)shape;                                                                                 \
            __VA_ARGS__;                                                                                          \
            at[i] = a;                                                                                            \
            if (slopes)                                                                                           \
                ((vec *)slopes)[i] = slope;                                                                       \
            if (shapes)                                                                                           \
                ((vec *)shapes)[i] = shape;                                                                       \
        }                                                                                                         \
    }
#include "activations.def"
#undef FM_ACTIVATION
#undef FM_SLOPED

/* With slopes kept from the way forward. The shapes become the deltas of the units' numbers. */
static void FM(derivative_sloped)(long rows, const void *slopes, void *deltas, void *shapes, double number) {
    vec *ds = deltas;
    (void)number;
    for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {
        if (shapes)
            ((vec *)shapes)[i] *= ds[i];
        ds[i] *= ((const vec *)slopes)[i];
    }
}

/* A user's own, compiled function. */
static void FM(activate_native)(long rows, void *values, void *slopes, void *shapes, const void *units, double number) {
    const fm_native *native = units;
    FM_REAL *at = values;
    (void)shapes, (void)number;
    for (long r = 0; r < rows; r++)
        for (long i = r * FM_PANEL; i < r * FM_PANEL + native->width; i++) {
            const double z = (double)at[i];
            at[i] = (FM_REAL)native->value(z);
            if (slopes)
                ((FM_REAL *)slopes)[i] = (FM_REAL)native->slope(z);
        }
}
