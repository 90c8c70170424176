/* Elementwise functions on blocks of panel-major rows, in place. Within a panel a block of rows is contiguous. */
#define FM_ACTIVATION(name, f, df)                                                                            \
    static void FM(activate_##name)(long rows, long width, void *values, long stride) {                       \
        for (long panel = 0; panel * FM_PANEL < width; panel++) {                                             \
            vec *at = (vec *)((FM_REAL *)values + panel * stride * FM_PANEL);                                 \
            for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                              \
                const vec z = at[i];                                                                          \
                at[i] = f;                                                                                    \
            }                                                                                                 \
        }                                                                                                     \
    }                                                                                                         \
    static void FM(derivative_##name)(long rows, long width, const void *values, void *deltas, long stride) { \
        for (long panel = 0; panel * FM_PANEL < width; panel++) {                                             \
            const vec *as = (const vec *)((const FM_REAL *)values + panel * stride * FM_PANEL);               \
            vec *ds = (vec *)((FM_REAL *)deltas + panel * stride * FM_PANEL);                                 \
            for (long i = 0; i < rows * FM_PANEL_VECTORS; i++) {                                              \
                const vec a = as[i], d = ds[i];                                                               \
                (void)a;                                                                                      \
                ds[i] = df;                                                                                   \
            }                                                                                                 \
        }                                                                                                     \
    }
#include "activations.def"
#undef FM_ACTIVATION
