/* This file is for networks of one hidden layer, relu, with few inputs and few outputs. Their products are so short
 * that most of a step would be spent on storing hidden activations and deltas and on reading them again. Here a hidden
 * activation goes into the outputs as soon as it is there (and is stored for the way back), and a hidden delta into the
 * gradient; deltas are never stored. All sums are those of dense(), dense_turned() and update_dense(), in the same
 * order. */
#if FM_HAS_NARROW
_Static_assert(FM_SHALLOW <= FM_PANEL, "inputs are one panel");

/* Computes one vector of hidden units for some rows of x: their activations h, and their products with the turned
 * weights, on top of sum. there says which of the units there are; NULL stands for all. */
FM_INLINE void FM(shallow_units)(const int rows, const int outputs, long inputs, const vec *w, const FM_REAL *x,
                                 FM_REAL *h, const vec *turned, const ivec *there, vec sum[][FM_NARROW]) {
    vec a[4];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
        a[i] = w[inputs * FM_PANEL_VECTORS];
    for (long k = 0; k < inputs; k++)
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            a[i] += v_all(x[i * FM_PANEL + k]) * w[k * FM_PANEL_VECTORS];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
        a[i] = v_relu(a[i]);
        *(vec *)(h + i * FM_PANEL) = a[i];
        if (there)
            a[i] = v_select(*there, a[i], v_all(0));
    }
#pragma GCC unroll 4
    for (int j = 0; j < outputs; j++) {
        const vec weight = turned[j * FM_PANEL_VECTORS];
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            sum[i][j] += a[i] * weight;
    }
}

FM_INLINE void FM(shallow_rows)(const int rows, const int outputs, const fm_layer *hidden, const vec *turned,
                                const FM_REAL *x, FM_REAL *h, long stride, vec *sums) {
    const long last = (hidden->outputs - 1) / FM_LANES;
    const ivec there = v_lane_numbers() < (FM_INT)(hidden->outputs - last * FM_LANES);
    vec sum[4][FM_NARROW];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < outputs; j++)
            sum[i][j] = v_all(0);
#define FM_UNITS(there)                                                                                          \
    const long panel = v / FM_PANEL_VECTORS, within = v % FM_PANEL_VECTORS;                                      \
    FM(shallow_units)(rows, outputs, hidden->inputs,                                                             \
                      (const vec *)((const FM_REAL *)hidden->weights + FM(place)(hidden, panel, 0)) + within, x, \
                      FM_ROW(h, stride, panel, 0) + within * FM_LANES,                                           \
                      turned + panel * outputs * FM_PANEL_VECTORS + within, there, sum)
    long v = 0;
    for (; v < last; v++) {
        FM_UNITS(NULL);
    }
    FM_UNITS(&there);
#undef FM_UNITS
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < outputs; j++)
            sums[j * FM_LANES + i] = sum[i][j];
}

FM_INLINE void FM(shallow_outputs)(const int outputs, const fm_shallow *network) {
    const fm_layer *hidden = network->hidden, *output = network->output;
    const long rows = network->rows, stride = network->stride;
    const FM_REAL *turned = output->weights, *biases = turned + FM(place)(output, 0, output->inputs);
    const FM_REAL *x = network->x;
    FM_REAL *h = network->h, *z = network->z;
    vec sums[FM_NARROW][FM_LANES];
    for (long r = 0; r < rows; r += FM_LANES) {
        const long n = rows - r < FM_LANES ? rows - r : FM_LANES;
#define FM_ROWS(rows, i)                                                                                             \
    FM(shallow_rows)(rows, outputs, hidden, (const vec *)turned, x + (r + (i)) * FM_PANEL, h + (r + (i)) * FM_PANEL, \
                     stride, sums[0] + (i))
        for (long i = 0; n < 4 && i < n; i++)
            FM_ROWS(1, i);
        for (long i = 0; n >= 4 && i < n; i += 4) {
            const long from = i < n - 4 ? i : n - 4; /* some rows are computed twice, rather than one by one */
            FM_ROWS(4, from);
        }
#undef FM_ROWS
        FM(narrow_out)(outputs, n, sums, biases, z + r * FM_PANEL);
    }
}

static void FM(shallow_forward)(const fm_shallow *network){
#define FM_BODY(n) FM(shallow_outputs)(n, network)
    FM_NARROW_CASES(network -> output->outputs, FM_BODY)
#undef FM_BODY
}

/* Sums both layers' gradients over rows for one vector of hidden units. w holds the units' weights in each output;
 * these and the sums lie a panel apart. inputs is a constant: the inputs beyond the layer's make sums, from whatever is
 * there, that nobody reads. */
FM_INLINE void FM(shallow_vector)(const int inputs, const int outputs, long rows, const FM_REAL *x, const FM_REAL *h,
                                  const FM_REAL *d, const vec *w, vec *hidden_sums, vec *bias_sums, vec *output_sums) {
    vec weight[FM_NARROW], in[FM_SHALLOW], out[FM_NARROW], bias = *bias_sums;
#pragma GCC unroll 4
    for (int j = 0; j < outputs; j++) {
        weight[j] = w[j * FM_PANEL_VECTORS];
        out[j] = output_sums[j * FM_PANEL_VECTORS];
    }
#pragma GCC unroll 16
    for (int k = 0; k < inputs; k++)
        in[k] = hidden_sums[k * FM_PANEL_VECTORS];
    for (long r = 0; r < rows; r++, x += FM_PANEL, h += FM_PANEL, d += FM_PANEL) {
        const vec a = *(const vec *)h;
        vec delta = v_all(0);
#pragma GCC unroll 4
        for (int j = 0; j < outputs; j++) {
            const vec of_output = v_all(d[j]);
            delta += of_output * weight[j];
            out[j] += a * of_output;
        }
        delta = v_relu_delta(a, delta);
#pragma GCC unroll 16
        for (int k = 0; k < inputs; k++)
            in[k] = FM(add_product_at)(in[k], x + k, delta);
        bias += delta;
    }
    *bias_sums = bias;
#pragma GCC unroll 4
    for (int j = 0; j < outputs; j++)
        output_sums[j * FM_PANEL_VECTORS] = out[j];
#pragma GCC unroll 16
    for (int k = 0; k < inputs; k++)
        hidden_sums[k * FM_PANEL_VECTORS] = in[k];
}

/* Makes the gradient of both layers from the outputs' deltas, and applies the rule. */
static void FM(shallow_update)(const fm_shallow *network, const fm_step *step, double *hidden_squares,
                               double *output_squares) {
    const fm_layer *hidden = network->hidden, *output = network->output;
    const fm_strips hidden_strips = {.layer = hidden, .step = step, .bias_step = step, .squares = hidden_squares};
    const fm_strips output_strips = {.layer = output, .step = step, .bias_step = step, .squares = output_squares};
    const fm_rows deltas = {network->z, network->stride, network->rows, output->outputs};
    const long rows = network->rows, stride = network->stride, inputs = hidden->inputs, outputs = output->outputs;
    const FM_REAL *x = network->x, *h = network->h, *d = network->z;
    for (long panel = 0; panel * FM_PANEL < hidden->outputs; panel++) {
        const long first = panel * FM_PANEL, vectors = FM(vectors_in_panel)(hidden->outputs - first);
        const FM_REAL *weights = (const FM_REAL *)output->weights + FM(place)(output, 0, first);
        vec hidden_sums[FM_SHALLOW * FM_PANEL_VECTORS], bias_sums[FM_PANEL_VECTORS];
        vec output_sums[FM_NARROW * FM_PANEL_VECTORS];
        FM(start_sums)(hidden, panel, 0, inputs, step, hidden_sums);
        FM(start_sums)(hidden, panel, inputs, 1, step, bias_sums);
        FM(start_sums)(output, 0, first, outputs, step, output_sums);
        for (long v = 0; v < vectors; v++) {
            if (step->next && step->next->rows)
                ask_for_rows(step->next, rows * (inputs + outputs + 1) * FM_LANES);
#define FM_VECTOR(n_inputs, n)                                                                                        \
    FM(shallow_vector)(n_inputs, n, rows, x, FM_ROW(h, stride, panel, 0) + v * FM_LANES, d, (const vec *)weights + v, \
                       hidden_sums + v, bias_sums + v, output_sums + v)
#define FM_BODY(n)               \
    if (inputs <= 2)             \
        FM_VECTOR(2, n);         \
    else if (inputs <= 4)        \
        FM_VECTOR(4, n);         \
    else if (inputs <= 8)        \
        FM_VECTOR(8, n);         \
    else if (inputs <= 12)       \
        FM_VECTOR(12, n);        \
    else                         \
        FM_VECTOR(FM_SHALLOW, n)
            FM_NARROW_CASES(outputs, FM_BODY)
#undef FM_BODY
#undef FM_VECTOR
        }
        FM(finish)(&hidden_strips, panel, 0, inputs, (FM_REAL *)hidden_sums);
        FM(finish)(&hidden_strips, panel, inputs, 1, (FM_REAL *)bias_sums);
        FM(finish_turned)(&output_strips, panel, output_sums);
    }
    FM(update_biases)(&output_strips, 0, &deltas);
}
#endif
