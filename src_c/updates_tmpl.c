/* Update rules, and the fused step of one layer's tiles: gradient in registers, rule, weight, transposed copy.
 *
 * A rule sees one vector: weight w and gradient g in; slots s in and out; constants c as prepare_<name> (updates.c) made them
 * once for the step. It returns the new weight. */

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

/* In adam and its kin c begins with the step size (of the first moment), beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon,
 * all with what corrects the moments' bias. */
FM_INLINE void FM(moments)(vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g;
    s[1] = c[3] * s[1] + c[4] * g * g;
}

FM_INLINE vec FM(rule_adam)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    return w - c[0] * v_over_root(s[0], s[1], c[5]);
}

/* c[6]: what decay leaves of the weight */
FM_INLINE vec FM(rule_adamw)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    return c[6] * w - c[0] * v_over_root(s[0], s[1], c[5]);
}

FM_INLINE vec FM(rule_amsgrad)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    s[2] = v_select(s[2] > s[1], s[2], s[1]);
    return c[6] * w - c[0] * v_over_root(s[0], s[2], c[5]);
}

/* c[6]: the step size of the gradient */
FM_INLINE vec FM(rule_nadam)(vec w, vec g, vec *s, const vec *c) {
    FM(moments)(g, s, c);
    return w - v_over_root(c[0] * s[0] + c[6] * g, s[1], c[5]);
}

FM_INLINE vec FM(rule_adagrad)(vec w, vec g, vec *s, const vec *c) {
    s[0] = s[0] + g * g;
    return w - c[0] * v_over_root(g, s[0], c[1]);
}

/* c: learning rate, rho, 1 - rho, epsilon */
FM_INLINE vec FM(rule_adadelta)(vec w, vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g * g;
    const vec change = g * v_root_ratio(s[1] + c[3], s[0] + c[3]);
    s[1] = c[1] * s[1] + c[2] * change * change;
    return w - c[0] * change;
}

/* In rmsprop and its kin c: learning rate, rho, 1 - rho, momentum, epsilon. The gradient over its root mean square: */
FM_INLINE vec FM(normalized)(vec g, vec *s, const vec *c) {
    s[0] = c[1] * s[0] + c[2] * g * g;
    return v_over_root(g, s[0], c[4]);
}

/* ... or over its standard deviation, whose square must not be negative for rounding. */
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

/* c: learning rate, beta_1, 1 - beta_1, beta_2, 1 - beta_2, what decay leaves of the weight */
FM_INLINE vec FM(rule_lion)(vec w, vec g, vec *s, const vec *c) {
    const vec direction = v_sign(c[1] * s[0] + c[2] * g);
    s[0] = c[3] * s[0] + c[4] * g;
    return c[5] * w - c[0] * direction;
}

/* c: the factors of a step size that shrinks and that grows, its least and greatest value. s: the gradient before, zero
 * where its sign had changed; the step size. Signs are compared, since a product of small numbers would be zero. */
FM_INLINE vec FM(rule_rprop)(vec w, vec g, vec *s, const vec *c) {
    const ivec up = g > 0, down = g < 0, was_up = s[0] > 0, was_down = s[0] < 0;
    const ivec changed = (up & was_down) | (down & was_up), kept = (up & was_up) | (down & was_down);
    const vec size = s[1] * v_select(changed, c[0], v_select(kept, c[1], v_all(1)));
    s[1] = v_select(size < c[2], c[2], v_select(size > c[3], c[3], size));
    s[0] = v_select(changed, v_all(0), g);
    return w - v_sign(s[0]) * s[1];
}

/* w is y, s[0] the second moment, s[1] z. c: step of z, the share of z in x, step of y, beta_2, 1 - beta_2, epsilon,
 * weight decay */
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

/* The rule on whole units whose gradient sums are given; squares gets each unit's sum of the squared old weights. */
#define FM_RULE(name, n_slots)                                                                           \
    static void FM(apply_##name)(long rows, long vectors, const fm_layer *layer, ptrdiff_t offset,       \
                                 const FM_REAL *sums, double l2, const fm_step *step, double *squares) { \
        const vec decay = v_all((FM_REAL)l2), scale = v_all((FM_REAL)step->scale);                       \
        vec c[FM_MAX_HYPER];                                                                             \
        for (int i = 0; i < FM_MAX_HYPER; i++)                                                           \
            c[i] = v_all((FM_REAL)step->constants[i]);                                                   \
        for (long unit = 0; unit < rows; unit += FM_UNIT) {                                              \
            const long end = rows - unit < FM_UNIT ? rows : unit + FM_UNIT;                              \
            vec square = v_all(0);                                                                       \
            for (long r = unit; r < end; r++, offset += FM_PANEL, sums += FM_PANEL)                      \
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
                squares[unit / FM_UNIT] = v_sum(square);                                                 \
        }                                                                                                \
    }
#include "updates.def"
#undef FM_RULE

static const FM(apply_fn) FM(rules)[] = {
#define FM_RULE(name, n_slots) FM(apply_##name),
#include "updates.def"
#undef FM_RULE
};

/* Not inlined, nor is the next function: the many copies would be in the way of those who do without.
 *
 * The gradient of whole units, made in place of their finished sums. squares gets each unit's penalty, norms its squared
 * gradient; either may be NULL. */
static __attribute__((noinline)) void FM(prepare)(const fm_layer *layer, ptrdiff_t offset, long rows, long vectors,
                                                  FM_REAL *sums, double l1, double l2, const fm_step *step,
                                                  double *squares, double *norms) {
    const vec decay = v_all((FM_REAL)l2), sign = v_all((FM_REAL)l1), scale = v_all((FM_REAL)step->scale);
    for (long unit = 0; unit < rows; unit += FM_UNIT) {
        const long end = rows - unit < FM_UNIT ? rows : unit + FM_UNIT;
        vec square = v_all(0), size = v_all(0), norm = v_all(0);
        for (long r = unit; r < end; r++, offset += FM_PANEL, sums += FM_PANEL)
            for (long v = 0; v < vectors; v++) {
                const vec w = ((const vec *)((const FM_REAL *)layer->weights + offset))[v];
                vec *at = (vec *)sums + v;
                vec g = *at + decay * w;
                g = v_select(w > 0, g + sign, v_select(w < 0, g - sign, g)) * scale;
                if (step->clip_value)
                    g = v_clamp(g, (FM_REAL)-step->clip_value, (FM_REAL)step->clip_value);
                *at = g;
                square += w * w;
                size += v_abs(w);
                norm += g * g;
            }
        if (squares)
            squares[unit / FM_UNIT] = 0.5 * l2 * v_sum(square) + l1 * v_sum(size);
        if (norms)
            norms[unit / FM_UNIT] = v_sum(norm);
    }
}

static __attribute__((noinline)) void FM(follow_average)(const fm_layer *layer, ptrdiff_t offset, long rows,
                                                         const fm_step *step) {
    const vec *w = (const vec *)((const FM_REAL *)layer->weights + offset);
    vec *average = (vec *)((FM_REAL *)layer->average + offset);
    const vec stays = v_all((FM_REAL)step->decay), comes = v_all((FM_REAL)(1 - step->decay));
    for (long i = 0; i < rows * FM_PANEL_VECTORS; i++)
        average[i] = stays * average[i] + comes * w[i];
}

FM_INLINE long FM(inputs_of_unit)(const fm_layer *layer) {
    return layer->turned ? FM_PANEL : FM_UNIT;
}

/* Vectors that a panel's weights from an input on fill. */
FM_INLINE long FM(vectors_from)(const fm_layer *layer, long panel, long input) {
    const int across = layer->turned && input < layer->inputs;
    return FM(vectors_in_panel)(across ? layer->inputs - input : layer->outputs - panel * FM_PANEL);
}

/* The finished sums of whole units, of one panel of inputs where there is a transposed copy or the layer is turned: kept
 * for the next chunk of the batch, or made into the update. rows: of the sums. */
FM_INLINE void FM(finish)(const fm_layer *layer, long panel, long input, long rows, FM_REAL *sums, const fm_step *step,
                          double *squares) {
    const ptrdiff_t offset = FM(place)(layer, panel, input);
    const long vectors = FM(vectors_from)(layer, panel, input);
    const int biases = input == layer->inputs;
    const double l2 = biases ? 0 : step->l2;
    squares = biases || !squares ? NULL : squares + input / FM(inputs_of_unit)(layer);
    if (biases && step->of_biases)
        step = step->of_biases;
    if (!step->last) {
        vec *kept = (vec *)((FM_REAL *)layer->sums + offset);
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++)
            kept[i] = step->add ? kept[i] + ((const vec *)sums)[i] : ((const vec *)sums)[i];
        return;
    }
    const FM(apply_fn) apply = FM(rules)[step->rule];
    if (step->prepares) {
        fm_step prepared = *step;
        FM(prepare)(layer, offset, rows, vectors, sums, biases ? 0 : step->l1, l2, step, squares, NULL);
        prepared.scale = 1;
        apply(rows, vectors, layer, offset, sums, 0, &prepared, NULL);
    } else
        apply(rows, vectors, layer, offset, sums, l2, step, squares);
    if (layer->limit)
        return; /* limit_norms() does the rest */
    if (layer->average)
        FM(follow_average)(layer, offset, rows, step);
    if (layer->transposed && !biases)
        FM(transpose)((const FM_REAL *)layer->weights + offset, input, rows, panel, layer->outputs, layer->transposed);
}

/* Where a unit's sums start: nowhere (zero), or at what the batch's earlier chunks left. */
FM_INLINE const FM_REAL *FM(start_of)(const fm_layer *layer, long panel, long input, const fm_step *step) {
    return step->first ? NULL : (const FM_REAL *)layer->sums + FM(place)(layer, panel, input);
}

/* The same, for so many rows of a panel. */
FM_INLINE void FM(start_sums)(const fm_layer *layer, long panel, long input, long rows, const fm_step *step,
                              vec *sums) {
    const FM_REAL *start = FM(start_of)(layer, panel, input, step);
    for (long i = 0; i < rows * FM_PANEL_VECTORS; i++)
        sums[i] = start ? ((const vec *)start)[i] : v_all(0);
}

/* The biases' gradient: the deltas of one panel, summed over the batch. */
static void FM(update_biases)(const fm_layer *layer, long panel, long rows, const void *deltas, long d_stride,
                              const fm_step *step) {
    const FM_REAL *d =
        (const FM_REAL *)(layer->bias_deltas ? layer->bias_deltas : deltas) + panel * d_stride * FM_PANEL;
    vec sums[FM_PANEL_BYTES / FM_VECTOR_BYTES];
    FM(start_sums)(layer, panel, layer->inputs, 1, step, sums);
    for (long r = 0; r < rows; r++)
        for (long v = 0; v < FM_PANEL_VECTORS; v++)
            sums[v] += ((const vec *)(d + r * FM_PANEL))[v];
    FM(finish)(layer, panel, layer->inputs, 1, (FM_REAL *)sums, step, NULL);
}

#if FM_VECTOR_BYTES == 64
/* The rule takes a panel of inputs for one unit, and narrow_tile() does it in one go. */
_Static_assert(FM_NARROW <= FM_UNIT && FM_PANEL_BYTES == 2 * FM_VECTOR_BYTES, "update_turned() relies on it");

/* One panel of inputs of a turned layer: a row of sums for each output. What activations hold beyond the last input must
 * not get into the weights. */
FM_INLINE void FM(finish_turned)(const fm_layer *layer, long panel, vec *sums, const fm_step *step, double *squares) {
    const long input = panel * FM_PANEL;
    if (layer->inputs - input < FM_PANEL)
        for (long i = 0; i < layer->outputs * FM_PANEL_VECTORS; i++) {
            const FM_INT left = (FM_INT)(layer->inputs - input - i % FM_PANEL_VECTORS * FM_LANES);
            sums[i] = v_select(v_lane_numbers() < left, sums[i], v_all(0));
        }
    FM(finish)(layer, 0, input, layer->outputs, (FM_REAL *)sums, step, squares);
}

static void FM(update_turned)(const fm_layer *layer, long from, long to, long rows, const FM_REAL *a, long a_stride,
                              const FM_REAL *d, long d_stride, const fm_step *step, double *squares) {
    const long n = layer->outputs * FM_PANEL_VECTORS;
    vec sums[2 * FM_NARROW * FM_PANEL_VECTORS];
    for (long panel = from, panels; panel < to; panel += panels) {
        const FM_REAL *a_panel = a + panel * FM_PANEL * a_stride;
        panels = to - panel < 2 ? 1 : 2;
        for (long p = 0; p < panels; p++)
            FM(start_sums)(layer, 0, (panel + p) * FM_PANEL, layer->outputs, step, sums + p * n);
#define FM_BODY(n)                                                          \
    if (panels == 2)                                                        \
        FM(narrow_tile)(n, 2, rows, a_panel, a_stride * FM_PANEL, d, sums); \
    else                                                                    \
        FM(narrow_tile)(n, 1, rows, a_panel, 0, d, sums)
        FM_NARROW_CASES(layer->outputs, FM_BODY)
#undef FM_BODY
        for (long p = 0; p < panels; p++)
            FM(finish_turned)(layer, panel + p, sums + p * n, step, squares);
    }
    if (to * FM_PANEL >= layer->inputs)
        FM(update_biases)(layer, 0, rows, d, d_stride, step);
}
#endif

/* What finish() will touch, asked for by the first tiles of the last part: each takes a slot, the first also the weights,
 * the second the transposed weights, which other cores have read. */
FM_INLINE void FM(ask_for_finish)(const fm_layer *layer, long panel, long row, long tile, ahead_t *ahead) {
    const ptrdiff_t offset = FM(place)(layer, panel, row);
    if (layer->slots[tile]) {
        ahead->read = (const FM_REAL *)layer->slots[tile] + offset;
        ahead->read_step = FM_LINE;
    }
    const FM_REAL *write = NULL;
    if (tile == 0)
        write = (const FM_REAL *)layer->weights + offset;
    else if (tile == 1 && layer->transposed)
        write = (const FM_REAL *)layer->transposed + (row / FM_PANEL * layer->outputs + panel * FM_PANEL) * FM_PANEL;
    if (write) {
        ahead->write = write;
        ahead->write_step = FM_LINE;
    }
}

/* One panel of inputs at a time, and the batch in parts, so that a part of the activations and deltas stays in the
 * first-level cache for all the tiles of the panel. The tiles ask for the next panel's activations, mostly one line in
 * two: its neighbour comes along. */
#define FM_ROWS_PART 128
static void FM(update_dense)(const fm_layer *layer, long panel, long from, long to, long rows, const void *a,
                             long a_stride, const void *deltas, long d_stride, const fm_step *step, double *squares) {
    const FM_REAL *d = (const FM_REAL *)deltas + panel * d_stride * FM_PANEL;
#if FM_VECTOR_BYTES == 64
    if (layer->turned) {
        FM(update_turned)(layer, from, to, rows, a, a_stride, d, d_stride, step, squares);
        return;
    }
#endif
    const long outputs = layer->outputs - panel * FM_PANEL, vectors = FM(vectors_in_panel)(outputs);
    const long last = to * FM_UNIT < layer->inputs ? to * FM_UNIT : layer->inputs;
    const long parts = (rows + FM_ROWS_PART - 1) / FM_ROWS_PART;
    /* Sums to be kept that come in one part are made where they stay. */
    const int in_place = !step->last && step->first && parts == 1, add = in_place && step->add;
    vec scratch[FM_PANEL * FM_PANEL_BYTES / FM_VECTOR_BYTES];
    FM_REAL *sums = (FM_REAL *)scratch;
    if (!in_place)
        memset(scratch, 0, sizeof scratch);
    for (long first = from * FM_UNIT, end; first < last; first = end) {
        end = (first / FM_PANEL + 1) * FM_PANEL < last ? (first / FM_PANEL + 1) * FM_PANEL : last;
        const FM_REAL *a_panel = (const FM_REAL *)a + first / FM_PANEL * a_stride * FM_PANEL;
        const FM_REAL *carried = FM(start_of)(layer, panel, first, step);
        if (in_place)
            sums = (FM_REAL *)layer->sums + FM(place)(layer, panel, first);
        for (long part = 0, r = 0, length; part < parts; part++, r += length) {
            length = rows * (part + 1) / parts - r;
            const FM_REAL *start = r ? sums : carried;
            if (outputs <= FM_NARROW) {
                FM(gradient_narrow)(first % FM_PANEL, first % FM_PANEL + end - first, (int)outputs, length,
                                    a_panel + r * FM_PANEL, d + r * FM_PANEL, start, add, sums);
                continue;
            }
            if (rows == 1 && !add) {
                if (step->next && step->next->rows)
                    ask_for_rows(step->next, (end - first) * vectors * FM_LANES);
                for (long v = 0; v < vectors; v += 2)
                    FM(row_times_row)(end - first, vectors - v > 1, a_panel + first % FM_PANEL, d + v * FM_LANES,
                                      start ? start + v * FM_LANES : NULL, sums + v * FM_LANES);
                continue;
            }
            const long tiles = (end - first + FM_GRADIENT_ROWS - 1) / FM_GRADIENT_ROWS;
            const long step_ahead = tiles > 3 ? 3 * FM_PANEL / tiles : FM_PANEL;
            for (long t = 0, row = first, stop; t < tiles; t++, row = stop) {
                stop = first + (end - first) * (t + 1) / tiles;
                if (step->next && step->next->rows)
                    ask_for_rows(step->next, (stop - row) * length * vectors * FM_LANES);
                ahead_t ahead = {a_panel + (a_stride + r) * FM_PANEL + t * (length / 2) * step_ahead, sums, step_ahead,
                                 0};
                if (part == parts - 1 && step->last && t < FM_MAX_SLOTS)
                    FM(ask_for_finish)(layer, panel, first, t, &ahead);
                for (long v = 0; v < vectors; v += 2) {
                    const long at = (row - first) * FM_PANEL + v * FM_LANES;
                    FM(gradient_tile)((int)(stop - row), vectors - v > 1, length,
                                      a_panel + r * FM_PANEL + row % FM_PANEL, d + r * FM_PANEL + v * FM_LANES,
                                      start ? start + at : NULL, add, sums + at, ahead);
                }
            }
        }
        if (!in_place)
            FM(finish)(layer, panel, first, end - first, sums, step, squares);
    }
    if (last == layer->inputs)
        FM(update_biases)(layer, panel, rows, deltas, d_stride, step);
}

static void FM(update_sums)(const fm_layer *layer, long panel, long from, long to, const void *const *sums, long n,
                            const fm_step *step, double *squares) {
    const long unit = FM(inputs_of_unit)(layer), last = to * unit < layer->inputs ? to * unit : layer->inputs;
    const long end = last == layer->inputs ? last + 1 : last; /* with the biases */
    for (long input = from * unit, next; input < end; input = next) {
        const long panel_end = (input / FM_PANEL + 1) * FM_PANEL;
        next = input == layer->inputs ? end : panel_end < last ? panel_end : last;
        const long rows = input == layer->inputs ? 1 : layer->turned ? layer->outputs : next - input;
        const ptrdiff_t offset = FM(place)(layer, panel, input);
        vec total[FM_PANEL * FM_PANEL_BYTES / FM_VECTOR_BYTES];
        for (long i = 0; i < rows * FM_PANEL_VECTORS; i++)
            for (long k = 0; k < n; k += 2)
                if (sums[k]) {
                    vec pair = ((const vec *)((const FM_REAL *)sums[k] + offset))[i];
                    if (k + 1 < n && sums[k + 1])
                        pair += ((const vec *)((const FM_REAL *)sums[k + 1] + offset))[i];
                    total[i] = k ? total[i] + pair : pair;
                }
        FM(finish)(layer, panel, input, rows, (FM_REAL *)total, step, squares);
    }
}

static void FM(prepare_sums)(const fm_layer *layer, long panel, long from, long to, const fm_step *step,
                             double *squares, double *norms) {
    const long unit = FM(inputs_of_unit)(layer), last = to * unit < layer->inputs ? to * unit : layer->inputs;
    FM_REAL *sums = layer->sums;
    for (long i = from; i < to && i * unit < last; i++) {
        const long input = i * unit, rows = layer->turned ? layer->outputs : last - input < unit ? last - input : unit;
        const ptrdiff_t offset = FM(place)(layer, panel, input);
        FM(prepare)(layer, offset, rows, FM(vectors_from)(layer, panel, input), sums + offset, step->l1, step->l2, step,
                    squares + i, norms + i);
    }
    if (last == layer->inputs) {
        const ptrdiff_t offset = FM(place)(layer, panel, layer->inputs);
        FM(prepare)(layer, offset, 1, FM(vectors_from)(layer, panel, layer->inputs), sums + offset, 0, 0, step, NULL,
                    norms + (layer->inputs + unit - 1) / unit);
    }
}

static void FM(limit_norms)(const fm_layer *layer, long panel, const fm_step *step) {
    const long vectors = FM(vectors_in_panel)(layer->outputs - panel * FM_PANEL);
    const ptrdiff_t offset = FM(place)(layer, panel, 0);
    FM_REAL *weights = (FM_REAL *)layer->weights + offset;
    const vec limit = v_all((FM_REAL)layer->limit);
    for (long v = 0; v < vectors; v++) {
        vec square = v_all(0);
        for (long r = 0; r < layer->inputs; r++) {
            const vec w = ((const vec *)(weights + r * FM_PANEL))[v];
            square += w * w;
        }
        const vec norm = v_sqrt(square), share = v_select(norm > limit, limit / norm, v_all(1));
        for (long r = 0; r < layer->inputs; r++)
            ((vec *)(weights + r * FM_PANEL))[v] *= share;
    }
    if (layer->average)
        FM(follow_average)(layer, offset, layer->inputs + 1, step);
    for (long row = 0; layer->transposed && row < layer->inputs; row += FM_PANEL)
        FM(transpose)(weights + row * FM_PANEL, row, layer->inputs - row < FM_PANEL ? layer->inputs - row : FM_PANEL,
                      panel, layer->outputs, layer->transposed);
}
