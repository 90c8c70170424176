/* This file has the fused update of a layer's strips: the gradient is summed in registers, and at once follow the rule,
 * the weights and the transposed copy. */

/* Asks for as many lines of the next rows as so many multiply-adds allow. The line that a row's last byte lies on is
 * asked for, too. */
static __attribute__((noinline)) void ask_for_rows(fm_next_rows *next, long multiply_adds) {
    next->lines_due += (double)multiply_adds * next->lines_per_multiply_add;
    for (; next->lines_due >= 1 && next->rows; next->lines_due -= 1) {
        const long last = next->width_bytes - 1, at = next->done_bytes < last ? next->done_bytes : last;
        __builtin_prefetch(next->x + *next->order * next->row_bytes + at, 0, 2);
        next->done_bytes += FM_LINE_BYTES;
        if (at == last) {
            next->done_bytes = 0;
            next->order++;
            next->rows--;
        }
    }
}

/* Makes the gradient of whole strips in the place of their finished sums. squares gets each strip's penalty, and norms
 * its squared gradient; either may be NULL.
 *
 * Neither this function nor the next is inlined: the many copies would be in the way of updates that do without
 * them. */
static __attribute__((noinline)) void FM(prepare)(const fm_layer *layer, ptrdiff_t offset, long rows, long vectors,
                                                  FM_REAL *sums, double l1, double l2, const fm_step *step,
                                                  double *squares, double *norms) {
    const vec decay = v_all((FM_REAL)l2), sign = v_all((FM_REAL)l1), scale = v_all((FM_REAL)step->scale);
    for (long strip = 0; strip < rows; strip += FM_STRIP) {
        const long end = rows - strip < FM_STRIP ? rows : strip + FM_STRIP;
        vec square = v_all(0), size = v_all(0), norm = v_all(0);
        for (long r = strip; r < end; r++, offset += FM_PANEL, sums += FM_PANEL)
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
            squares[strip / FM_STRIP] = 0.5 * l2 * v_sum(square) + l1 * v_sum(size);
        if (norms)
            norms[strip / FM_STRIP] = v_sum(norm);
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

/* Keeps the finished sums of whole strips for the next chunk of the batch, or updates the strips with them. The strips
 * begin with an input and have so many rows of sums; they are of one panel of inputs where there is a transposed copy
 * or the layer is turned. */
FM_INLINE void FM(finish)(const fm_strips *strips, long panel, long input, long rows, FM_REAL *sums) {
    const fm_layer *layer = strips->layer;
    const ptrdiff_t offset = FM(place)(layer, panel, input);
    const long vectors = FM(vectors_from)(layer, panel, input);
    const int biases = input == layer->inputs;
    const fm_step *step = biases ? strips->bias_step : strips->step;
    const double l2 = biases ? 0 : step->l2;
    double *squares = biases ? NULL : FM(squares_of)(strips, panel, input);
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

/* Returns what a strip's sums start from: the sums of the batch's earlier chunks, or NULL for zero. */
FM_INLINE const FM_REAL *FM(start_of)(const fm_layer *layer, long panel, long input, const fm_step *step) {
    return step->first ? NULL : (const FM_REAL *)layer->sums + FM(place)(layer, panel, input);
}

/* Has the sums of so many rows of a panel start. */
FM_INLINE void FM(start_sums)(const fm_layer *layer, long panel, long input, long rows, const fm_step *step,
                              vec *sums) {
    const FM_REAL *start = FM(start_of)(layer, panel, input, step);
    for (long i = 0; i < rows * FM_PANEL_VECTORS; i++)
        sums[i] = start ? ((const vec *)start)[i] : v_all(0);
}

/* Sums the biases' gradient, which is the deltas of one panel, over the batch, and updates the biases. Where there are
 * none, their sums and slots stay zero, as they do. */
static void FM(update_biases)(const fm_strips *strips, long panel, const fm_rows *deltas) {
    const fm_layer *layer = strips->layer;
    if (layer->unbiased)
        return;
    const FM_REAL *d =
        (const FM_REAL *)(layer->bias_deltas ? layer->bias_deltas : deltas->at) + panel * deltas->stride * FM_PANEL;
    const long rows = deltas->rows;
    vec sums[FM_PANEL_BYTES / FM_VECTOR_BYTES];
    FM(start_sums)(layer, panel, layer->inputs, 1, strips->step, sums);
    for (long r = 0; r < rows; r++)
        for (long v = 0; v < FM_PANEL_VECTORS; v++)
            sums[v] += ((const vec *)(d + r * FM_PANEL))[v];
    FM(finish)(strips, panel, layer->inputs, 1, (FM_REAL *)sums);
}

#if FM_HAS_NARROW
/* The rule takes a panel of inputs for one strip, and narrow_tile() computes it in one go. */
_Static_assert(FM_NARROW <= FM_STRIP && FM_PANEL_BYTES == 2 * FM_VECTOR_BYTES, "update_turned() relies on it");

/* Finishes one panel of inputs of a turned layer, which has a row of sums for each output. What the padding of
 * activations holds must not get into the weights. */
FM_INLINE void FM(finish_turned)(const fm_strips *strips, long panel, vec *sums) {
    const fm_layer *layer = strips->layer;
    const long input = panel * FM_PANEL;
    if (layer->inputs - input < FM_PANEL)
        for (long i = 0; i < layer->outputs * FM_PANEL_VECTORS; i++) {
            const FM_INT left = (FM_INT)(layer->inputs - input - i % FM_PANEL_VECTORS * FM_LANES);
            sums[i] = v_select(v_lane_numbers() < left, sums[i], v_all(0));
        }
    FM(finish)(strips, 0, input, layer->outputs, (FM_REAL *)sums);
}

static void FM(update_turned)(const fm_strips *strips, const fm_rows *a, const fm_rows *deltas) {
    const fm_layer *layer = strips->layer;
    const long n = layer->outputs * FM_PANEL_VECTORS, rows = deltas->rows, a_stride = a->stride, to = strips->last;
    const FM_REAL *d = deltas->at;
    vec sums[2 * FM_NARROW * FM_PANEL_VECTORS];
    for (long panel = strips->first, panels; panel < to; panel += panels) {
        const FM_REAL *a_panel = (const FM_REAL *)a->at + panel * FM_PANEL * a_stride;
        panels = to - panel < 2 ? 1 : 2;
        for (long p = 0; p < panels; p++)
            FM(start_sums)(layer, 0, (panel + p) * FM_PANEL, layer->outputs, strips->step, sums + p * n);
#define FM_BODY(n)                                                          \
    if (panels == 2)                                                        \
        FM(narrow_tile)(n, 2, rows, a_panel, a_stride * FM_PANEL, d, sums); \
    else                                                                    \
        FM(narrow_tile)(n, 1, rows, a_panel, 0, d, sums)
        FM_NARROW_CASES(layer->outputs, FM_BODY)
#undef FM_BODY
        for (long p = 0; p < panels; p++)
            FM(finish_turned)(strips, panel + p, sums + p * n);
    }
    if (to * FM_PANEL >= layer->inputs)
        FM(update_biases)(strips, 0, deltas);
}
#endif

/* Has the first tiles of the last part ask for what finish() will touch: each for a slot, the first also for the
 * weights, and the second for the transposed weights, which other cores have read. */
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

/* Inputs are taken one panel at a time, and the batch in parts, so that a part of the activations and deltas stays in
 * the first-level cache for all the tiles of the panel. The tiles ask for the next panel's activations, mostly for one
 * line in two, since its neighbour comes along. */
#define FM_ROWS_PART 128
static void FM(update_dense)(const fm_strips *strips, const fm_rows *a, const fm_rows *deltas) {
    const fm_layer *layer = strips->layer;
#if FM_HAS_NARROW
    if (layer->turned) {
        FM(update_turned)(strips, a, deltas);
        return;
    }
#endif
    const fm_step *step = strips->step;
    const long panel = strips->panel, last = FM(last_input)(strips), rows = deltas->rows, a_stride = a->stride;
    const long outputs = layer->outputs - panel * FM_PANEL, vectors = FM(vectors_in_panel)(outputs);
    const FM_REAL *d = (const FM_REAL *)deltas->at + panel * deltas->stride * FM_PANEL;
    const long parts = (rows + FM_ROWS_PART - 1) / FM_ROWS_PART;
    /* Sums that are kept, and come in one part, are made where they stay. */
    const int in_place = !step->last && step->first && parts == 1, add = in_place && step->add;
    vec scratch[FM_PANEL * FM_PANEL_BYTES / FM_VECTOR_BYTES];
    FM_REAL *sums = (FM_REAL *)scratch;
    if (!in_place)
        memset(scratch, 0, sizeof scratch);
    for (long first = strips->first * FM_STRIP, end; first < last; first = end) {
        end = (first / FM_PANEL + 1) * FM_PANEL < last ? (first / FM_PANEL + 1) * FM_PANEL : last;
        const FM_REAL *a_panel = (const FM_REAL *)a->at + first / FM_PANEL * a_stride * FM_PANEL;
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
            FM(finish)(strips, panel, first, end - first, sums);
    }
    if (last == layer->inputs)
        FM(update_biases)(strips, panel, deltas);
}

static void FM(update_sums)(const fm_strips *strips, const void *const *sums, long n) {
    const fm_layer *layer = strips->layer;
    const long panel = strips->panel, last = FM(last_input)(strips);
    const long end = last == layer->inputs ? last + 1 : last; /* the row after the last input is the biases' */
    for (long input = strips->first * FM(inputs_of_strip)(layer), next; input < end; input = next) {
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
        FM(finish)(strips, panel, input, rows, (FM_REAL *)total);
    }
}

static void FM(prepare_sums)(const fm_strips *strips, double *norms) {
    const fm_layer *layer = strips->layer;
    const fm_step *step = strips->step;
    const long panel = strips->panel, length = FM(inputs_of_strip)(layer), last = FM(last_input)(strips);
    FM_REAL *sums = layer->sums;
    norms += panel * (FM(strips_of_panel)(layer) + 1);
    for (long i = strips->first; i < strips->last && i * length < last; i++) {
        const long input = i * length, left = last - input < length ? last - input : length;
        const ptrdiff_t offset = FM(place)(layer, panel, input);
        FM(prepare)(layer, offset, layer->turned ? layer->outputs : left, FM(vectors_from)(layer, panel, input),
                    sums + offset, step->l1, step->l2, step, FM(squares_of)(strips, panel, input), norms + i);
    }
    if (last == layer->inputs) {
        const ptrdiff_t offset = FM(place)(layer, panel, layer->inputs);
        FM(prepare)(layer, offset, 1, FM(vectors_from)(layer, panel, layer->inputs), sums + offset, 0, 0, step, NULL,
                    norms + (layer->inputs + length - 1) / length);
    }
}

static void FM(limit_norms)(const fm_layer *layer, long panel, long first, long last, const fm_step *step) {
    const long vectors = FM(vectors_in_panel)(layer->outputs - panel * FM_PANEL);
    const ptrdiff_t offset = FM(place)(layer, panel, first);
    FM_REAL *weights = (FM_REAL *)layer->weights + offset;
    const vec limit = v_all((FM_REAL)layer->limit);
    for (long v = 0; v < vectors; v++) {
        vec square = v_all(0);
        for (long r = 0; r < last - first; r++) {
            const vec w = ((const vec *)(weights + r * FM_PANEL))[v];
            square += w * w;
        }
        const vec norm = v_sqrt(square), share = v_select(norm > limit, limit / norm, v_all(1));
        for (long r = 0; r < last - first; r++)
            ((vec *)(weights + r * FM_PANEL))[v] *= share;
    }
    if (layer->average)
        FM(follow_average)(layer, offset, last - first + (last == layer->inputs), step);
    for (long row = 0; layer->transposed && row < layer->inputs; row += FM_PANEL)
        FM(transpose)(weights + row * FM_PANEL, row, layer->inputs - row < FM_PANEL ? layer->inputs - row : FM_PANEL,
                      panel, layer->outputs, layer->transposed);
}
