/* This file has the losses, each together with its link: the output layer's pre-activations z become the derivatives of
 * the weighted loss, in place, and each row's weighted loss is written in double precision. The padding of the last
 * vector becomes zero. Where scikit-learn has a loss, the definition is its own; deviances are 0 where the prediction
 * is the target. NaN, in z or in a target, reaches both loss and delta. */

/* Returns the logarithm of a probability that is kept away from 0 and 1, as in scikit-learn's log_loss. NaN stays
 * NaN. */
FM_INLINE double FM(log_probability)(FM_REAL p) {
    if (p < (FM_REAL)FM_EPS)
        p = (FM_REAL)FM_EPS;
    if (p > (FM_REAL)(1 - FM_EPS))
        p = (FM_REAL)(1 - FM_EPS);
    return log((double)p);
}

/* Returns x log(y), which is 0 where x is 0 and y is not NaN. */
FM_INLINE double FM(xlogy)(double x, double y) {
    return x == 0 && y == y ? 0 : x * log(y);
}

FM_INLINE vec FM(log_probabilities)(vec p) {
    return v_log(v_clamp(p, (FM_REAL)FM_EPS, (FM_REAL)(1 - FM_EPS)));
}

static void FM(log_loss_of_few)(const fm_rows *z, long first, const fm_samples *samples, double *row_losses) {
    const long rows = FM(few_rows)(z->rows, first), outputs = z->width;
    FM_REAL *block = FM_ROW(z->at, 0, 0, first);
    columns_t columns;
    FM_REAL logs[FM_FEW_ROWS] __attribute__((aligned(64))), weight[FM_FEW_ROWS] __attribute__((aligned(64)));
    FM_INT class_of[FM_FEW_ROWS] __attribute__((aligned(64)));
    memset(class_of, 0, sizeof class_of);
    memset(weight, 0, sizeof weight);
    FM(to_columns)(block, rows, outputs, &columns);
    FM(softmax_columns)(&columns, outputs);
    for (long r = 0; r < rows; r++) {
        class_of[r] = ((const int32_t *)samples->targets)[FM(sample_of)(samples, first + r)];
        row_losses[first + r] = FM(weight_of)(samples, first + r);
        weight[r] = (FM_REAL)row_losses[first + r];
    }
    for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
        vec chosen = v_all(0);
        for (long j = 0; j < outputs; j++) {
            vec *at = FM(column)(&columns, j, v);
            const ivec hit = ((const ivec *)class_of)[v] == (FM_INT)j;
            chosen = v_select(hit, *at, chosen);
            *at = (*at - v_select(hit, v_all(1), v_all(0))) * ((const vec *)weight)[v];
        }
        ((vec *)logs)[v] = FM(log_probabilities)(chosen);
    }
    for (long r = 0; r < rows; r++)
        row_losses[first + r] *= -(double)logs[r];
    FM(from_columns)(&columns, rows, outputs, block);
}

static void FM(loss_log_loss)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                              const fm_loss_settings *settings) {
    (void)settings;
    if (z->width <= FM_FEW) {
        for (long r = 0; r < z->rows; r += FM_FEW_ROWS)
            FM(log_loss_of_few)(z, r, samples, row_losses);
        return;
    }
    for (long r = 0; r < z->rows; r++) {
        const int32_t class_of_row = ((const int32_t *)samples->targets)[FM(sample_of)(samples, r)];
        const double weight = FM(weight_of)(samples, r);
        FM(softmax_row)(z, r);
        row_losses[r] = -weight * FM(log_probability)(*FM(output)(z, r, class_of_row));
        /* The deltas are written by vectors, since one element written alone would hold up the next vector that is read
         * of it. */
        FM_INT first = 0;
        FM_EACH_VECTOR (at, z, r) {
            const ivec column = v_lane_numbers() + first;
            const vec target = v_select(column == (FM_INT)class_of_row, v_all(1), v_all(0));
            *at = v_select(column < (FM_INT)z->width, (*at - target) * (FM_REAL)weight, v_all(0));
            first += (FM_INT)FM_LANES;
        }
    }
}

/* Losses with real targets and a canonical link, whose delta is p - y, differ in the link and in the loss of one
 * output, given its prediction p and target y. They are compiled twice, so that weights of outputs cost nothing where
 * there are none. */
#define FM_REAL_LOSS(name, link, one_loss)                                                                   \
    FM_INLINE void FM(shared_##name)(const fm_rows *z, const fm_samples *samples, double *row_losses,        \
                                     const double *shares) {                                                 \
        const long outputs = z->width;                                                                       \
        FM(link_##link)(z);                                                                                  \
        for (long r = 0; r < z->rows; r++) {                                                                 \
            const FM_REAL *target = (const FM_REAL *)samples->targets + FM(sample_of)(samples, r) * outputs; \
            const double weight = FM(weight_of)(samples, r);                                                 \
            double sum = 0;                                                                                  \
            for (long j = 0; j < outputs; j++) {                                                             \
                FM_REAL *at = FM(output)(z, r, j);                                                           \
                const FM_REAL p = *at, y = target[j];                                                        \
                const double share = shares ? shares[j] : 1;                                                 \
                sum += share * (one_loss);                                                                   \
                *at = samples->weights || shares ? (p - y) * (FM_REAL)(share * weight) : p - y;              \
            }                                                                                                \
            row_losses[r] = weight * sum;                                                                    \
            FM(zero_padding)(z, r);                                                                          \
        }                                                                                                    \
    }                                                                                                        \
    static void FM(loss_##name)(const fm_rows *z, const fm_samples *samples, double *row_losses,             \
                                const fm_loss_settings *settings) {                                          \
        if (settings->output_weights)                                                                        \
            FM(shared_##name)(z, samples, row_losses, settings->output_weights);                             \
        else                                                                                                 \
            FM(shared_##name)(z, samples, row_losses, NULL);                                                 \
    }

static void FM(binary_log_loss_of_few)(const fm_rows *z, long first, const fm_samples *samples, double *row_losses,
                                       const double *shares) {
    const long rows = FM(few_rows)(z->rows, first), outputs = z->width;
    FM_REAL *block = FM_ROW(z->at, 0, 0, first);
    columns_t columns, ys;
    FM_REAL sums[FM_FEW_ROWS] __attribute__((aligned(64))), weight[FM_FEW_ROWS] __attribute__((aligned(64)));
    memset(sums, 0, sizeof sums);
    memset(weight, 0, sizeof weight);
    FM(to_columns)(block, rows, outputs, &columns);
    FM(targets_to_columns)(samples, first, rows, outputs, 0, outputs, &ys);
    FM(logistic_columns)(&columns, outputs);
    for (long r = 0; r < rows; r++) {
        row_losses[first + r] = FM(weight_of)(samples, first + r);
        weight[r] = (FM_REAL)row_losses[first + r];
    }
    for (long j = 0; j < outputs; j++) {
        const FM_REAL share = shares ? (FM_REAL)shares[j] : 1;
        vec between = v_all(0);
        for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
            const vec y = *FM(column)(&ys, j, v);
            between += v_abs(y - y * y);
        }
        const int classes = v_sum(between) == 0; /* targets of 0 and 1 need one logarithm, not two */
        for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
            vec *at = FM(column)(&columns, j, v);
            const vec p = *at, y = *FM(column)(&ys, j, v);
            ((vec *)sums)[v] += share * (classes ? FM(log_probabilities)(v_select(y != 0, p, (FM_REAL)1 - p))
                                                 : y * FM(log_probabilities)(p) +
                                                       ((FM_REAL)1 - y) * FM(log_probabilities)((FM_REAL)1 - p));
            *at = (p - y) * ((const vec *)weight)[v] * share;
        }
    }
    for (long r = 0; r < rows; r++)
        row_losses[first + r] *= -(double)sums[r];
    FM(from_columns)(&columns, rows, outputs, block);
}
FM_REAL_LOSS(binary_log_loss_of_many, logistic,
             -(y == 0 ? 0 : y * FM(log_probability)(p)) - (y == 1 ? 0 : (1 - y) * FM(log_probability)(1 - p)))
#define FM_SQUARED_ERROR(p, y, outputs) (0.5 * ((double)(p) - (y)) * ((double)(p) - (y)) / (outputs))
FM_REAL_LOSS(squared_error_of_many, identity, FM_SQUARED_ERROR(p, y, outputs))
FM_REAL_LOSS(poisson, exp, FM(xlogy)(y, (double)y / p) - y + p)

/* Makes the same numbers as squared_error_of_many, with rows along the vectors, where there are enough rows to fill
 * half of one. */
static void FM(squared_error_of_few)(const fm_rows *z, long first, const fm_samples *samples, double *row_losses,
                                     const double *shares) {
    const long rows = FM(few_rows)(z->rows, first), outputs = z->width;
    FM_REAL *block = FM_ROW(z->at, 0, 0, first);
    columns_t columns, ys;
    double sums[FM_FEW_ROWS] = {0}, weight[FM_FEW_ROWS] = {0};
    FM(to_columns)(block, rows, outputs, &columns);
    FM(targets_to_columns)(samples, first, rows, outputs, 0, outputs, &ys);
    for (long r = 0; r < rows; r++)
        weight[r] = FM(weight_of)(samples, first + r);
    for (long j = 0; j < outputs; j++) {
        const double share = shares ? shares[j] : 1;
        for (long r = 0; r < FM_FEW_ROWS; r++) {
            const FM_REAL p = columns.at[j][r], y = ys.at[j][r];
            sums[r] += share * FM_SQUARED_ERROR(p, y, outputs);
            columns.at[j][r] = (p - y) * (FM_REAL)(share * weight[r]);
        }
    }
    for (long r = 0; r < rows; r++)
        row_losses[first + r] = weight[r] * sums[r];
    FM(from_columns)(&columns, rows, outputs, block);
}

static void FM(loss_squared_error)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                                   const fm_loss_settings *settings) {
    if (z->width > FM_FEW || z->rows < FM_LANES / 2)
        FM(loss_squared_error_of_many)(z, samples, row_losses, settings);
    else
        for (long r = 0; r < z->rows; r += FM_FEW_ROWS)
            FM(squared_error_of_few)(z, r, samples, row_losses, settings->output_weights);
}

static void FM(loss_binary_log_loss)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                                     const fm_loss_settings *settings) {
    if (z->width > FM_FEW)
        FM(loss_binary_log_loss_of_many)(z, samples, row_losses, settings);
    else
        for (long r = 0; r < z->rows; r += FM_FEW_ROWS)
            FM(binary_log_loss_of_few)(z, r, samples, row_losses, settings->output_weights);
}

/* The loss is the cross-entropy with the target's distribution, not clipped: y (log_sum - z), summed over the outputs.
 * An output's weight multiplies its target. An output without weight does not count, even if its z is infinite. */
static void FM(soft_log_loss_of_few)(const fm_rows *z, long first, const fm_samples *samples, double *row_losses,
                                     const double *shares) {
    const long rows = FM(few_rows)(z->rows, first), outputs = z->width;
    FM_REAL *block = FM_ROW(z->at, 0, 0, first);
    columns_t columns, ys;
    FM_REAL losses[FM_FEW_ROWS] __attribute__((aligned(64))), weight[FM_FEW_ROWS] __attribute__((aligned(64)));
    FM(to_columns)(block, rows, outputs, &columns);
    FM(targets_to_columns)(samples, first, rows, outputs, 0, outputs, &ys);
    FM(weights_of)(samples, first, rows, weight);
    for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
        vec top = *FM(column)(&columns, 0, v), sum = v_all(0), total = v_all(0), dot = v_all(0);
        for (long j = 1; j < outputs; j++) {
            const vec x = *FM(column)(&columns, j, v);
            top = v_select(x > top, x, top);
        }
        for (long j = 0; j < outputs; j++) {
            vec *at = FM(column)(&columns, j, v), *y = FM(column)(&ys, j, v);
            const vec x = *at - top;
            if (shares)
                *y *= (FM_REAL)shares[j];
            total += *y;
            dot += v_select(*y == 0, v_all(0), *y * x);
            sum += *at = v_exp(x);
        }
        ((vec *)losses)[v] = total * v_log(sum) - dot;
        for (long j = 0; j < outputs; j++) {
            vec *at = FM(column)(&columns, j, v);
            *at = (*at / sum * total - *FM(column)(&ys, j, v)) * ((const vec *)weight)[v];
        }
    }
    for (long r = 0; r < rows; r++)
        row_losses[first + r] = (double)losses[r] * FM(weight_of)(samples, first + r);
    FM(from_columns)(&columns, rows, outputs, block);
}

static void FM(loss_soft_log_loss)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                                   const fm_loss_settings *settings) {
    const double *shares = settings->output_weights;
    const long outputs = z->width;
    if (outputs <= FM_FEW) {
        for (long r = 0; r < z->rows; r += FM_FEW_ROWS)
            FM(soft_log_loss_of_few)(z, r, samples, row_losses, shares);
        return;
    }
    for (long r = 0; r < z->rows; r++) {
        const FM_REAL *target = (const FM_REAL *)samples->targets + FM(sample_of)(samples, r) * outputs;
        const double weight = FM(weight_of)(samples, r);
        double total = 0, dot = 0;
        for (long j = 0; j < outputs; j++) {
            const double y = shares ? shares[j] * target[j] : target[j];
            total += y;
            dot += y == 0 ? 0 : y * *FM(output)(z, r, j);
        }
        row_losses[r] = weight * (total * FM(softmax_row)(z, r) - dot);
        for (long j = 0; j < outputs; j++) {
            FM_REAL *at = FM(output)(z, r, j);
            *at = (FM_REAL)((*at * total - (shares ? shares[j] * target[j] : target[j])) * weight);
        }
        FM(zero_padding)(z, r);
    }
}

/* The loss is -q^option log(1 - q), where q is the probability of all other classes. It is their sum, and not 1 - p, so
 * that the loss of a row that is nearly right keeps its digits. */
static void FM(loss_focal)(const fm_rows *z, const fm_samples *samples, double *row_losses,
                           const fm_loss_settings *settings) {
    const double option = settings->options ? settings->options[0] : 2;
    for (long r = 0; r < z->rows; r++) {
        FM_REAL *own = FM(output)(z, r, ((const int32_t *)samples->targets)[FM(sample_of)(samples, r)]);
        const double z_own = *own, log_sum = FM(softmax_row)(z, r), p = *own;
        double q = p == p ? 0 : p; /* a lone class has no others that would pass NaN on */
        *own = 0;
        for (long j = 0; j < z->width; j++)
            q += *FM(output)(z, r, j);
        const double surprise = q < 0.5 ? -log1p(-q) : log_sum - z_own;
        const double factor = pow(q, option) * FM(weight_of)(samples, r);
        const double slope = factor * (p == 0 ? q : q + option * p * surprise), per_other = q == 0 ? 0 : slope / q;
        row_losses[r] = factor * surprise;
        for (long j = 0; j < z->width; j++)
            *FM(output)(z, r, j) *= (FM_REAL)per_other;
        *own = (FM_REAL)-slope;
        FM(zero_padding)(z, r);
    }
}

/* The other losses are sums over outputs of a function of one z, one y and the option of the output. They are written
 * for one output of FM_FEW_ROWS rows: the deltas take the place of the zs, and the losses that of the ys. */
typedef void (*FM(output_loss))(FM_REAL option, FM_REAL *zs, FM_REAL *ys);

static void FM(sum_over_outputs)(FM(output_loss) one, FM_REAL option, const fm_rows *z, const fm_samples *samples,
                                 double *row_losses, const fm_loss_settings *settings) {
    const long rows = z->rows, outputs = z->width;
    for (long first = 0; first < rows; first += FM_FEW_ROWS) {
        const long n = FM(few_rows)(rows, first);
        FM_REAL weight[FM_FEW_ROWS];
        FM(weights_of)(samples, first, n, weight);
        memset(row_losses + first, 0, n * sizeof *row_losses);
        for (long from = 0; from < outputs; from += FM_FEW) {
            const long width = outputs - from < FM_FEW ? outputs - from : FM_FEW;
            FM_REAL *block = FM(output)(z, first, from);
            columns_t columns, ys;
            FM(to_columns)(block, n, width, &columns);
            FM(targets_to_columns)(samples, first, n, outputs, from, width, &ys);
            for (long j = 0; j < width; j++) {
                const double share = settings->output_weights ? settings->output_weights[from + j] : 1;
                one(settings->options ? (FM_REAL)settings->options[from + j] : option, columns.at[j], ys.at[j]);
                for (long r = 0; r < n; r++)
                    row_losses[first + r] += share * ys.at[j][r];
                for (long r = 0; r < FM_FEW_ROWS; r++)
                    columns.at[j][r] *= weight[r] * (FM_REAL)share;
            }
            FM(from_columns)(&columns, n, width, block);
        }
        for (long r = first; samples->weights && r < first + n; r++)
            row_losses[r] *= FM(weight_of)(samples, r);
    }
}

/* Defines such a loss by the default of its option and by statements that make loss and delta of z and y. */
#define FM_OUTPUT_LOSS(name, default_option, ...)                                                                \
    static void FM(name##_of_output)(FM_REAL option, FM_REAL * zs, FM_REAL * ys) {                               \
        (void)option;                                                                                            \
        for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {                                                      \
            const vec z = ((const vec *)zs)[v], y = ((const vec *)ys)[v];                                        \
            vec loss, delta;                                                                                     \
            __VA_ARGS__((vec *)zs)[v] = delta;                                                                   \
            ((vec *)ys)[v] = loss;                                                                               \
        }                                                                                                        \
    }                                                                                                            \
    static void FM(loss_##name)(const fm_rows *z, const fm_samples *samples, double *row_losses,                 \
                                const fm_loss_settings *settings) {                                              \
        FM(sum_over_outputs)(FM(name##_of_output), (FM_REAL)(default_option), z, samples, row_losses, settings); \
    }

/* Returns z, with the largest number for infinity, since its product with 0 is 0. NaN passes through. */
FM_INLINE vec FM(bounded)(vec z) {
    const FM_REAL largest = (FM_REAL)(FM_BITS == 32 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023);
    return v_clamp(z, -largest, largest);
}

FM_OUTPUT_LOSS(quadratic, 0, {
    const vec p = v_logistic(z), error = p - y;
    loss = error * error * (FM_REAL)0.5;
    delta = error * p * v_logistic(-z); /* 1 - p would lose the digits of a small slope */
})
FM_OUTPUT_LOSS(absolute_error, 0, {
    const vec error = z - y;
    loss = v_abs(error);
    delta = v_select(error > 0, v_all(1), v_select(error < 0, v_all(-1), error));
})
FM_OUTPUT_LOSS(huber, 1, {
    const vec error = z - y;
    delta = v_clamp(error, -option, option);
    const vec inside = v_abs(delta);
    loss = inside * (v_abs(error) - inside * (FM_REAL)0.5);
})
FM_OUTPUT_LOSS(pinball, 0.5, {
    const vec error = z - y, slope = v_select(error > 0, v_all(1 - option), v_all(-option));
    loss = error * slope;
    delta = v_select(error > 0, slope, v_select(error < 0, slope, error));
})
FM_OUTPUT_LOSS(gamma, 0, {
    const vec at = FM(bounded)(z), ratio = y * v_exp(-at);
    loss = (at - v_log(y)) + (ratio - (FM_REAL)1);
    delta = (FM_REAL)1 - ratio;
})
FM_OUTPUT_LOSS(tweedie, 1.5, {
    const FM_REAL a = 1 - option, b = 2 - option;
    const ivec none = y == 0;
    const vec at = FM(bounded)(z), rising = v_exp(at * b), falling = v_select(none, v_all(0), y * v_exp(at * a));
    const vec least = v_select(none, v_all(0), v_exp(v_log(y) * b));
    loss = least / (a * b) - falling / a + rising / b;
    delta = rising - falling;
})
/* y is 0 or 1, and the sign that stands for it -1 or 1. */
FM_OUTPUT_LOSS(hinge, 0, {
    const vec sign = y + y - (FM_REAL)1, lacks = (FM_REAL)1 - sign * z;
    loss = v_select(lacks <= 0, v_all(0), lacks);
    delta = v_select(lacks > 0, -sign, loss);
})
FM_OUTPUT_LOSS(squared_hinge, 0, {
    const vec sign = y + y - (FM_REAL)1, lacks = (FM_REAL)1 - sign * z;
    const vec positive = v_select(lacks <= 0, v_all(0), lacks);
    loss = positive * positive;
    delta = positive * sign * (FM_REAL)-2;
})
/* Rosenblatt's rule learns at z = 0 as well. */
FM_OUTPUT_LOSS(perceptron, 0, {
    const vec sign = y + y - (FM_REAL)1, lacks = -sign * z;
    loss = v_select(lacks <= 0, v_all(0), lacks);
    delta = v_select(lacks >= 0, -sign, loss);
})
/* The loss is y f(z) + (1 - y) f(-z) with f(z) = -(1 - p)^option log(p). */
FM_OUTPUT_LOSS(binary_focal, 2, {
    const vec at = FM(bounded)(z), p = v_logistic(at), q = v_logistic(-at);
    const vec least = v_log1p(v_exp(-v_abs(at)));
    const vec no_p = least + v_select(at < 0, -at, v_all(0)), no_q = least + v_select(at > 0, at, v_all(0));
    const vec yes = y * v_exp(no_q * -option), no = ((FM_REAL)1 - y) * v_exp(no_p * -option);
    loss = yes * no_p + no * no_q;
    delta = no * (p + q * no_q * option) - yes * (q + p * no_p * option);
})
