/* Activations and their derivatives, on rows of one panel, one after another, in place. p is the parameter of all
 * units, or a vector of the panel's row of the units' own. */
#define FM_SELU_SCALE 1.0507009873554804934193349852946
#define FM_SELU_ALPHA 1.6732632423543772848170429916717
#define FM_GELU_RATE 1.5957691216057308 /* 2 sqrt(2 / pi) */
#define FM_GELU_CUBE (0.044715 * FM_GELU_RATE)

/* Returns z, but not less than a limit, so that minus infinity times a share of 0 is 0. NaN passes through. */
FM_INLINE vec FM(above)(vec z, FM_REAL low) {
    return v_select(z < low, v_all(low), z);
}
#define v_above FM(above)

/* These two are also made on the way out of a product (tile_tmpl.c). NaN stays NaN, and -0 stays -0, since FM_MAX is
 * its second argument then. */
FM_INLINE vec FM(relu)(vec z) {
#if FM_HAS_MAX
    return FM_MAX(v_all(0), z);
#else
    return v_select(z < 0, v_all(0), z);
#endif
}
#define v_relu FM(relu)

FM_INLINE vec FM(relu_delta)(vec a, vec d) {
    return v_select(a != 0, d, v_all(0));
}
#define v_relu_delta FM(relu_delta)

#define FM_ACTIVATION(name, n_parameters, learnable, f, df)                                                \
    static void FM(activate_##name)(long rows, void *values, void *slopes, void *parameter_slopes,         \
                                    const void *parameters, double parameter) {                            \
        vec *at = values;                                                                                  \
        const vec p = v_all((FM_REAL)parameter);                                                           \
        (void)slopes, (void)parameter_slopes, (void)parameters, (void)p;                                   \
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                               \
            const vec z = at[i];                                                                           \
            at[i] = f;                                                                                     \
        }                                                                                                  \
    }                                                                                                      \
    static void FM(derivative_##name)(long rows, const void *values, void *deltas, void *parameter_slopes, \
                                      double parameter) {                                                  \
        const vec *as = values;                                                                            \
        vec *ds = deltas;                                                                                  \
        const vec p = v_all((FM_REAL)parameter);                                                           \
        (void)parameter_slopes, (void)p;                                                                   \
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                               \
            const vec a = as[i], d = ds[i];                                                                \
            (void)a;                                                                                       \
            ds[i] = df;                                                                                    \
        }                                                                                                  \
    }
#define FM_SLOPED(name, n_parameters, learnable, ...)                                                               \
    static void FM(activate_##name)(long rows, void *values, void *slopes, void *parameter_slopes,                  \
                                    const void *parameters, double parameter) {                                     \
        vec *at = values;                                                                                           \
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                                        \
            const vec z = at[i],                                                                                    \
                      p = parameters ? ((const vec *)parameters)[i % FM_PANEL_VECTORS] : v_all((FM_REAL)parameter); \
            vec a, slope, parameter_slope = v_all(0);                                                               \
            (void)p, (void)parameter_slope;                                                                         \
            __VA_ARGS__;                                                                                            \
            at[i] = a;                                                                                              \
            if (slopes)                                                                                             \
                ((vec *)slopes)[i] = slope;                                                                         \
            if (parameter_slopes)                                                                                   \
                ((vec *)parameter_slopes)[i] = parameter_slope;                                                     \
        }                                                                                                           \
    }
#include "tables/activations.def"
#undef FM_ACTIVATION
#undef FM_SLOPED

/* Makes the derivative of an activation whose slopes were kept on the way forward. The slopes of its parameter become
 * the parameter's deltas. */
static void FM(derivative_sloped)(long rows, const void *slopes, void *deltas, void *parameter_slopes,
                                  double parameter) {
    vec *ds = deltas;
    (void)parameter;
    for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {
        if (parameter_slopes)
            ((vec *)parameter_slopes)[i] *= ds[i];
        ds[i] *= ((const vec *)slopes)[i];
    }
}

/* Calls a user's own function, which was compiled elsewhere. */
static void FM(activate_native)(long rows, void *values, void *slopes, void *parameter_slopes, const void *parameters,
                                double parameter) {
    const fm_native *native = parameters;
    FM_REAL *at = values;
    (void)parameter_slopes, (void)parameter;
    for (long r = 0; r < rows; r++)
        for (long i = r * FM_PANEL; i < r * FM_PANEL + native->width; i++) {
            const double z = (double)at[i];
            at[i] = (FM_REAL)native->value(z);
            if (slopes)
                ((FM_REAL *)slopes)[i] = (FM_REAL)native->slope(z);
        }
}
