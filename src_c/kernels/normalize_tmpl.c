/* This file normalises a hidden layer's pre-activations z: x = (z - mean) scale, with scale = 1 / sqrt(variance +
 * epsilon), and y = gain x + bias. Layer normalisation takes the moments of each row over its units, batch
 * normalisation those of each unit over the rows, which are joined from the moments of blocks of rows in the blocks'
 * order.
 *
 * On the way back the deltas of y become those of z. What fm_norm.normalized holds, x, becomes the deltas of the gains;
 * the deltas of the biases, which are those of y, are kept apart. Panels of two rows hold a mean and a sum of squared
 * deviations, or a sum of deltas and one of deltas times x.
 *
 * Where the rows of a batch have weights, their moments are weighted. The weights given here add up to the number of
 * the batch's rows. Rows of weight 0 may hold what would overflow, and are passed over. */

/* Returns the lanes of a vector that hold units, and zeros for the others. It is given how many units there are from
 * its first lane on. */
FM_INLINE vec FM(units_only)(vec x, long units) {
    return units >= FM_LANES ? x : v_select(v_lane_numbers() < (FM_INT)units, x, v_all(0));
}

/* Runs a statement for each vector of a row of units, which is number v of its panel. */
#define FM_EACH_UNIT(panel, v, width)                                               \
    for (long panel = 0; panel * FM_PANEL < (width); panel++)                       \
        for (long v = 0; v < FM(vectors_in_panel)((width) - panel * FM_PANEL); v++)

FM_INLINE vec *FM(unit_at)(void *base, long stride, long panel, long r, long v) {
    return (vec *)((FM_REAL *)base + (panel * stride + r) * FM_PANEL) + v;
}

FM_INLINE const vec *FM(column_at)(const void *base, long panel, long v) {
    return (const vec *)base + panel * FM_PANEL_VECTORS + v;
}

FM_INLINE const vec *FM(bias_at)(const fm_norm *norm, long panel, long v) {
    return (const vec *)((const FM_REAL *)norm->biases + panel * norm->biases_step) + v;
}

static void FM(layer_norm)(const fm_rows *z, const fm_norm *norm) {
    const long width = z->width, stride = z->stride;
    for (long r = 0; r < z->rows; r++) {
        vec sum = v_all(0), square = v_all(0);
        FM_EACH_UNIT(panel, v, width)
        sum += FM(units_only)(*FM(unit_at)(z->at, stride, panel, r, v), width - panel * FM_PANEL - v * FM_LANES);
        const FM_REAL mean = (FM_REAL)(v_sum(sum) / (double)width);
        FM_EACH_UNIT(panel, v, width) {
            const vec d = FM(units_only)(*FM(unit_at)(z->at, stride, panel, r, v) - mean,
                                         width - panel * FM_PANEL - v * FM_LANES);
            square += d * d;
        }
        const FM_REAL scale = (FM_REAL)(1 / sqrt(v_sum(square) / (double)width + norm->epsilon));
        if (norm->scales)
            ((FM_REAL *)norm->scales)[r] = scale;
        FM_EACH_UNIT(panel, v, width) {
            vec *at = FM(unit_at)(z->at, stride, panel, r, v);
            const vec x = (*at - mean) * scale;
            if (norm->normalized)
                *FM(unit_at)(norm->normalized, stride, panel, r, v) = x;
            *at = x * *FM(column_at)(norm->gains, panel, v) + *FM(bias_at)(norm, panel, v);
        }
    }
}

static void FM(layer_norm_back)(const fm_rows *deltas, const fm_norm *norm) {
    const long width = deltas->width, stride = deltas->stride;
    for (long r = 0; r < deltas->rows; r++) {
        vec sum = v_all(0), product = v_all(0);
        FM_EACH_UNIT(panel, v, width) {
            const vec g = *FM(unit_at)(deltas->at, stride, panel, r, v) * *FM(column_at)(norm->gains, panel, v);
            sum += g;
            product += g * FM(units_only)(*FM(unit_at)(norm->normalized, stride, panel, r, v),
                                          width - panel * FM_PANEL - v * FM_LANES);
        }
        const FM_REAL mean = (FM_REAL)(v_sum(sum) / (double)width), slope = (FM_REAL)(v_sum(product) / (double)width);
        const FM_REAL scale = ((const FM_REAL *)norm->scales)[r];
        FM_EACH_UNIT(panel, v, width) {
            vec *at = FM(unit_at)(deltas->at, stride, panel, r, v);
            vec *x = FM(unit_at)(norm->normalized, stride, panel, r, v);
            const vec d = *at, g = d * *FM(column_at)(norm->gains, panel, v);
            *at = FM(units_only)((g - mean - *x * slope) * scale, width - panel * FM_PANEL - v * FM_LANES);
            *FM(unit_at)(norm->bias_deltas, stride, panel, r, v) = d;
            *x = FM(units_only)(d * *x, width - panel * FM_PANEL - v * FM_LANES);
        }
    }
}

/* This is inlined with and without weights, since 1 * x is x to the compiler without them. With weights of 1 the bits
 * are the same. */
FM_INLINE void FM(moments_of_columns)(const fm_rows *z, const double *weights, double weight, void *moments) {
    const long rows = z->rows, stride = z->stride;
    FM_EACH_UNIT(panel, v, z->width) {
        vec sum = v_all(0), square = v_all(0);
        for (long r = 0; r < rows; r++)
            if (!weights || weights[r] != 0)
                sum += (weights ? (FM_REAL)weights[r] : 1) * *FM(unit_at)(z->at, stride, panel, r, v);
        const vec mean = sum / (FM_REAL)weight;
        for (long r = 0; r < rows; r++)
            if (!weights || weights[r] != 0) {
                const vec d = *FM(unit_at)(z->at, stride, panel, r, v) - mean;
                square += (weights ? (FM_REAL)weights[r] : 1) * d * d;
            }
        *FM(unit_at)(moments, 2, panel, 0, v) = mean;
        *FM(unit_at)(moments, 2, panel, 1, v) = square;
    }
}

static void FM(column_moments)(const fm_rows *z, const double *weights, double weight, void *moments) {
    if (!weights)
        FM(moments_of_columns)(z, NULL, (double)z->rows, moments);
    else if (weight != 0) /* join_moments() does not read the moments of a block without weight */
        FM(moments_of_columns)(z, weights, weight, moments);
}

static void FM(join_moments)(const fm_moments *blocks, const fm_running *running, double epsilon, void *means,
                             void *scales) {
    const long rows = blocks->rows, block_rows = blocks->block_rows;
    FM_EACH_UNIT(panel, v, blocks->width) {
        vec mean = v_all(0), square = v_all(0);
        double before = 0;
        for (long first = 0, block = 0; first < rows; first += block_rows, block++) {
            const double n = blocks->block_weights       ? blocks->block_weights[block]
                             : rows - first < block_rows ? (double)(rows - first)
                                                         : (double)block_rows;
            if (n == 0)
                continue;
            const FM_REAL *at = (const FM_REAL *)blocks->moments + block * blocks->step;
            const vec d = *FM(unit_at)((void *)at, 2, panel, 0, v) - mean;
            mean += d * (FM_REAL)(n / (before + n));
            square += *FM(unit_at)((void *)at, 2, panel, 1, v) + d * d * (FM_REAL)(before * n / (before + n));
            before += n;
        }
        *FM(unit_at)(means, 1, panel, 0, v) = mean;
        *FM(unit_at)(scales, 1, panel, 0, v) =
            (FM_REAL)1 / v_sqrt(square * (FM_REAL)(1 / (double)rows) + (FM_REAL)epsilon);
        if (running->moments) {
            vec *old_mean = FM(unit_at)(running->moments, 2, panel, 0, v);
            vec *old_variance = FM(unit_at)(running->moments, 2, panel, 1, v);
            *old_mean += (FM_REAL)running->share * (mean - *old_mean);
            *old_variance += (FM_REAL)running->share * (square * (FM_REAL)(1 / running->freedom) - *old_variance);
        }
    }
}

static void FM(batch_norm)(const fm_rows *z, const fm_norm *norm) {
    const long rows = z->rows, stride = z->stride;
    FM_EACH_UNIT(panel, v, z->width) {
        const vec mean = *FM(column_at)(norm->means, panel, v), scale = *FM(column_at)(norm->scales, panel, v);
        const vec gain = *FM(column_at)(norm->gains, panel, v), bias = *FM(bias_at)(norm, panel, v);
        for (long r = 0; r < rows; r++) {
            vec *at = FM(unit_at)(z->at, stride, panel, r, v);
            const vec x = (*at - mean) * scale;
            if (norm->normalized)
                *FM(unit_at)(norm->normalized, stride, panel, r, v) = x;
            *at = x * gain + bias;
        }
    }
}

static void FM(column_sums)(const fm_rows *deltas, const void *normalized, void *sums) {
    const long rows = deltas->rows, stride = deltas->stride;
    FM_EACH_UNIT(panel, v, deltas->width) {
        vec sum = v_all(0), product = v_all(0);
        for (long r = 0; r < rows; r++) {
            const vec d = *FM(unit_at)(deltas->at, stride, panel, r, v);
            sum += d;
            product += d * *FM(unit_at)((void *)normalized, stride, panel, r, v);
        }
        *FM(unit_at)(sums, 2, panel, 0, v) = sum;
        *FM(unit_at)(sums, 2, panel, 1, v) = product;
    }
}

static void FM(join_sums)(long width, long blocks, const void *sums, long step, void *total) {
    FM_EACH_UNIT(panel, v, width)
    for (long row = 0; row < 2; row++) {
        vec sum = v_all(0);
        for (long block = 0; block < blocks; block++)
            sum += *FM(unit_at)((FM_REAL *)sums + block * step, 2, panel, row, v);
        *FM(unit_at)(total, 2, panel, row, v) = sum;
    }
}

/* This is inlined with and without weights, as moments_of_columns() is. */
FM_INLINE void FM(batch_norm_back_of)(const fm_rows *deltas, const fm_norm *norm, const void *total, double share,
                                      const double *weights) {
    const long rows = deltas->rows, stride = deltas->stride;
    FM_EACH_UNIT(panel, v, deltas->width) {
        const vec mean = *FM(unit_at)((void *)total, 2, panel, 0, v) * (FM_REAL)share;
        const vec slope = *FM(unit_at)((void *)total, 2, panel, 1, v) * (FM_REAL)share;
        const vec factor = *FM(column_at)(norm->gains, panel, v) * *FM(column_at)(norm->scales, panel, v);
        for (long r = 0; r < rows; r++) {
            vec *at = FM(unit_at)(deltas->at, stride, panel, r, v);
            vec *x = FM(unit_at)(norm->normalized, stride, panel, r, v);
            const vec d = *at;
            const FM_REAL weight = weights ? (FM_REAL)weights[r] : 1;
            *at = factor * (d - weight * mean - weight * *x * slope);
            *FM(unit_at)(norm->bias_deltas, stride, panel, r, v) = d;
            *x *= d;
        }
    }
}

static void FM(batch_norm_back)(const fm_rows *deltas, const fm_norm *norm, const void *total, double share,
                                const double *weights) {
    if (weights)
        FM(batch_norm_back_of)(deltas, norm, total, share, weights);
    else
        FM(batch_norm_back_of)(deltas, norm, total, share, NULL);
}

/* Centres and scales inputs, column by column. */
static void FM(standardize)(const fm_rows *rows, const void *means, const void *scales) {
    const long n = rows->rows, width = rows->width, stride = rows->stride;
    for (long panel = 0; panel * FM_PANEL < width; panel++) {
        const vec *mean = (const vec *)means + panel * FM_PANEL_VECTORS;
        const vec *scale = (const vec *)scales + panel * FM_PANEL_VECTORS;
        vec *at = (vec *)((FM_REAL *)rows->at + panel * stride * FM_PANEL);
        for (long i = 0; i < n * FM_PANEL_VECTORS; i++)
            at[i] = (at[i] - mean[i % FM_PANEL_VECTORS]) * scale[i % FM_PANEL_VECTORS];
    }
}
