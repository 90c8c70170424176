/* Update rules.
 *
 * A rule sees one vector: weights w and gradient g come in, slots s come in and go out, and c are the constants that
 * prepare_<name> (runtime/rules.c) made once for the step. It returns the new weights. */

FM_INLINE vec FM(rule_sgd)(vec w, vec g, vec *s, const vec *c) {
    (void)s;
    return w - c[0] * g;
}

FM_INLINE vec FM(rule_momentum)(vec w, vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] - c[0] * g;
    return w + s[0];
}

FM_INLINE vec FM(rule_nesterov)(vec w, vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] - c[0] * g;
    return w + (c[1] * s[0] - c[0] * g);
}

/* In adam and those made of it c begins with the step size of the first moment, beta_1, 1 - beta_1, beta_2, 1 - beta_2
 * and epsilon, all with the corrections of the moments' bias. */
FM_INLINE void FM(moments)(vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g;
    s[1] = c[3] * s[1] + c[4] * g * g;
}

FM_INLINE vec FM(rule_adam)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    return w - c[0] * v_over_root(s[0], s[1], c[5]);
}

/* c[6] is what weight decay leaves of the weight. */
FM_INLINE vec FM(rule_adamw)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    return c[6] * w - c[0] * v_over_root(s[0], s[1], c[5]);
}

FM_INLINE vec FM(rule_amsgrad)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    s[2] = v_select(s[2] > s[1], s[2], s[1]);
    return c[6] * w - c[0] * v_over_root(s[0], s[2], c[5]);
}

/* c[6] is the step size of the gradient. */
FM_INLINE vec FM(rule_nadam)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    return w - v_over_root(c[0] * s[0] + c[6] * g, s[1], c[5]);
}

FM_INLINE vec FM(rule_adagrad)(vec w, vec g, vec *s, const vec *c) {
    s[0] = s[0] + g * g;
    return w - c[0] * v_over_root(g, s[0], c[1]);
}

/* c is the learning rate, rho, 1 - rho and epsilon. */
FM_INLINE vec FM(rule_adadelta)(vec w, vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g * g;
    const vec change = g * v_root_ratio(s[1] + c[3], s[0] + c[3]);
    s[1] = c[1] * s[1] + c[2] * change * change;
    return w - c[0] * change;
}

/* Returns the gradient over its root mean square. In rmsprop and those made of it c is the learning rate, rho, 1 - rho,
 * momentum and epsilon. */
FM_INLINE vec FM(normalized)(vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g * g;
    return v_over_root(g, s[0], c[4]);
}

/* Returns the gradient over its standard deviation, whose square rounding must not make negative. */
FM_INLINE vec FM(centered)(vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g * g;
    s[1] = c[1] * s[1] + c[2] * g;
    const vec variance = s[0] - s[1] * s[1];
    return v_over_root(g, v_select(variance < 0, v_all(0), variance), c[4]);
}

FM_INLINE vec FM(rule_rmsprop)(vec w, vec g, vec *s, const vec *c) {
    return w - c[0] * FM(normalized)(g, s, c);
}

FM_INLINE vec FM(rule_rmsprop_centered)(vec w, vec g, vec *s, const vec *c) {
    return w - c[0] * FM(centered)(g, s, c);
}

FM_INLINE vec FM(rule_rmsprop_momentum)(vec w, vec g, vec *s, const vec *c) {
    s[1] = c[3] * s[1] + FM(normalized)(g, s, c);
    return w - c[0] * s[1];
}

FM_INLINE vec FM(rule_rmsprop_centered_momentum)(vec w, vec g, vec *s, const vec *c) {
    s[2] = c[3] * s[2] + FM(centered)(g, s, c);
    return w - c[0] * s[2];
}

/* c is the learning rate, beta_1, 1 - beta_1, beta_2, 1 - beta_2 and what weight decay leaves of the weight. */
FM_INLINE vec FM(rule_lion)(vec w, vec g, vec *s, const vec *c) {
    const vec direction = v_sign(c[1] * s[0] + c[2] * g);
    s[0] = c[3] * s[0] + c[4] * g;
    return c[5] * w - c[0] * direction;
}

/* c is the factor of a step size that shrinks, that of one that grows, and the least and greatest step size. s is the
 * gradient before, but zero where its sign had changed, and the step size. Signs are compared, since a product of small
 * numbers would be zero. */
FM_INLINE vec FM(rule_rprop)(vec w, vec g, vec *s, const vec *c) {
    const ivec up = g > 0, down = g < 0, was_up = s[0] > 0, was_down = s[0] < 0;
    const ivec changed = (up & was_down) | (down & was_up), kept = (up & was_up) | (down & was_down);
    const vec size = s[1] * v_select(changed, c[0], v_select(kept, c[1], v_all(1)));
    s[1] = v_select(size < c[2], c[2], v_select(size > c[3], c[3], size));
    s[0] = v_select(changed, v_all(0), g);
    return w - v_sign(s[0]) * s[1];
}

/* w is y, s[0] the second moment and s[1] z. c is the step of z, the share of z in x, the step of y, beta_2, 1 -
 * beta_2, epsilon and weight decay. */
FM_INLINE vec FM(rule_schedulefreeadamw)(vec w, vec g, vec *s, const vec *c) {
    s[0] = c[3] * s[0] + c[4] * g * g;
    const vec direction = v_over_root(g, s[0], c[5]) + c[6] * w, z = s[1];
    s[1] = z - c[0] * direction;
    return w + c[1] * (z - w) - c[2] * direction;
}

FM_INLINE vec FM(rule_gradient)(vec w, vec g, vec *s, const vec *c) {
    (void)c;
    s[0] = g;
    return w;
}

typedef void (*FM(apply_fn))(long rows, long vectors, const fm_layer *layer, ptrdiff_t offset, const FM_REAL *sums,
                             double l2, const fm_step *step, double *squares);

/* Applies the rule to whole strips whose sums are given. squares gets each strip's sum of squared old weights. */
#define FM_RULE(name, n_slots)                                                                           \
    static void FM(apply_##name)(long rows, long vectors, const fm_layer *layer, ptrdiff_t offset,       \
                                 const FM_REAL *sums, double l2, const fm_step *step, double *squares) { \
        const vec decay = v_all((FM_REAL)l2), scale = v_all((FM_REAL)step->scale);                       \
        vec c[FM_MAX_HYPER];                                                                             \
        for (int i = 0; i < FM_MAX_HYPER; i++)                                                           \
            c[i] = v_all((FM_REAL)step->constants[i]);                                                   \
        for (long strip = 0; strip < rows; strip += FM_STRIP) {                                          \
            const long end = rows - strip < FM_STRIP ? rows : strip + FM_STRIP;                          \
            vec square = v_all(0);                                                                       \
            for (long r = strip; r < end; r++, offset += FM_PANEL, sums += FM_PANEL)                     \
                for (long v = 0; v < vectors; v++) {                                                     \
                    vec *at = (vec *)((FM_REAL *)layer->weights + offset) + v;                           \
                    const vec w = *at, g = (((const vec *)sums)[v] + decay * w) * scale;                 \
                    vec s[FM_MAX_SLOTS];                                                                 \
                    for (int i = 0; i < (n_slots); i++)                                                  \
                        s[i] = ((vec *)((FM_REAL *)layer->slots[i] + offset))[v];                        \
                    *at = FM(rule_##name)(w, g, s, c);                                                   \
                    for (int i = 0; i < (n_slots); i++)                                                  \
                        ((vec *)((FM_REAL *)layer->slots[i] + offset))[v] = s[i];                        \
                    square += w * w;                                                                     \
                }                                                                                        \
            if (squares)                                                                                 \
                squares[strip / FM_STRIP] = v_sum(square);                                               \
        }                                                                                                \
    }
#include "tables/rules.def"
#undef FM_RULE

static const FM(apply_fn) FM(rules)[] = {
#define FM_RULE(name, n_slots) FM(apply_##name),
#include "tables/rules.def"
#undef FM_RULE
};
