/* Losses with their link merged in: z, the output layer's pre-activations, becomes delta = w (link(z) - y) in place, and
 * each row's weighted loss is written in double. All four links are canonical for their loss, hence the one form of
 * delta. Columns beyond the last output are left at zero. Definitions: those of scikit-learn. */

#undef FM_ROW
#define FM_ROW(base, stride, panel, r) ((FM_REAL *)(base) + ((panel) * (stride) + (r)) * FM_PANEL)

FM_INLINE FM_REAL *FM(output)(void *z, long stride, long r, long j) {
    return FM_ROW(z, stride, j / FM_PANEL, r) + j % FM_PANEL;
}

/* In the vector that the last output shares with padding; products never write the vectors after it. */
FM_INLINE void FM(zero_padding)(void *z, long stride, long r, long outputs) {
    if (outputs % FM_LANES) {
        vec *last = (vec *)FM(output)(z, stride, r, outputs - outputs % FM_LANES);
        *last = v_select(v_lane_numbers() < (FM_INT)(outputs % FM_LANES), *last, v_all(0));
    }
}

/* Vectors a row's outputs reach into, panel by panel. */
#define FM_EACH_VECTOR(at, z, stride, r, outputs)                                              \
    for (long panel_ = 0; panel_ * FM_PANEL < (outputs); panel_++)                             \
        for (vec *at = (vec *)FM_ROW(z, stride, panel_, r),                                    \
                 *end_ = at + ((outputs) - panel_ * FM_PANEL < FM_PANEL                        \
                                   ? ((outputs) - panel_ * FM_PANEL + FM_LANES - 1) / FM_LANES \
                                   : FM_PANEL_VECTORS);                                        \
             at < end_; at++)

/* Rows of few outputs would leave most of a vector empty; they are turned over, some at a time, to run along the
 * vectors: column j of FM_FEW_ROWS rows is one array. */
#undef FM_FEW
#undef FM_FEW_ROWS
#define FM_FEW 16
#define FM_FEW_ROWS 32
typedef struct {
    FM_REAL at[FM_FEW][FM_FEW_ROWS] __attribute__((aligned(64)));
} FM(few_columns);
#define columns_t FM(few_columns)

FM_INLINE long FM(few_rows)(long rows, long first) {
    return rows - first < FM_FEW_ROWS ? rows - first : FM_FEW_ROWS;
}

FM_INLINE void FM(to_columns)(const FM_REAL *z, long rows, long outputs, columns_t *columns) {
    if (rows < FM_FEW_ROWS)
        memset(columns, 0, sizeof *columns);
    for (long r = 0; r < rows; r++, z += FM_PANEL)
        for (long j = 0; j < outputs; j++)
            columns->at[j][r] = z[j];
}

/* The padding up to a vector's end becomes zero. */
FM_INLINE void FM(from_columns)(const columns_t *columns, long rows, long outputs, FM_REAL *z) {
    for (long r = 0; r < rows; r++, z += FM_PANEL) {
        ((vec *)z)[(outputs - 1) / FM_LANES] = v_all(0);
        for (long j = 0; j < outputs; j++)
            z[j] = columns->at[j][r];
    }
}

FM_INLINE vec *FM(column)(columns_t *columns, long j, long v) {
    return (vec *)columns->at[j] + v;
}

FM_INLINE void FM(logistic_columns)(columns_t *columns, long outputs) {
    for (long j = 0; j < outputs; j++)
        for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++)
            *FM(column)(columns, j, v) = v_logistic(*FM(column)(columns, j, v));
}

FM_INLINE void FM(softmax_columns)(columns_t *columns, long outputs) {
    for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
        vec top = *FM(column)(columns, 0, v), sum = v_all(0);
        for (long j = 1; j < outputs; j++) {
            const vec x = *FM(column)(columns, j, v);
            top = v_select(x > top, x, top);
        }
        for (long j = 0; j < outputs; j++)
            sum += *FM(column)(columns, j, v) = v_exp(*FM(column)(columns, j, v) - top);
        for (long j = 0; j < outputs; j++)
            *FM(column)(columns, j, v) /= sum;
    }
}

/* The link of rows of few outputs; 0, and nothing done, where the outputs are many. */
FM_INLINE int FM(link_few)(void (*link)(columns_t *columns, long outputs), long rows, long outputs, void *z,
                           long stride) {
    if (outputs > FM_FEW)
        return 0;
    for (long r = 0; r < rows; r += FM_FEW_ROWS) {
        columns_t columns;
        const long n = FM(few_rows)(rows, r);
        FM(to_columns)(FM_ROW(z, stride, 0, r), n, outputs, &columns);
        link(&columns, outputs);
        FM(from_columns)(&columns, n, outputs, FM_ROW(z, stride, 0, r));
    }
    return 1;
}

static void FM(link_identity)(long rows, long outputs, void *z, long stride) {
    (void)rows, (void)outputs, (void)z, (void)stride;
}

static void FM(link_logistic)(long rows, long outputs, void *z, long stride) {
    if (FM(link_few)(FM(logistic_columns), rows, outputs, z, stride))
        return;
    for (long r = 0; r < rows; r++)
        FM_EACH_VECTOR (at, z, stride, r, outputs)
            *at = v_logistic(*at);
}

static void FM(link_exp)(long rows, long outputs, void *z, long stride) {
    for (long r = 0; r < rows; r++)
        FM_EACH_VECTOR (at, z, stride, r, outputs)
            *at = v_exp(*at);
}

FM_INLINE void FM(softmax_row)(void *z, long stride, long r, long outputs) {
    FM_REAL top = *FM(output)(z, stride, r, 0), sum = 0;
    for (long j = 1; j < outputs; j++) {
        const FM_REAL x = *FM(output)(z, stride, r, j);
        top = x > top ? x : top;
    }
    FM_EACH_VECTOR (at, z, stride, r, outputs)
        *at = v_exp(*at - top);
    for (long j = 0; j < outputs; j++)
        sum += *FM(output)(z, stride, r, j);
    FM_EACH_VECTOR (at, z, stride, r, outputs)
        *at /= sum;
}

static void FM(link_softmax)(long rows, long outputs, void *z, long stride) {
    if (FM(link_few)(FM(softmax_columns), rows, outputs, z, stride))
        return;
    for (long r = 0; r < rows; r++)
        FM(softmax_row)(z, stride, r, outputs);
}

/* log of a probability kept away from 0 and 1, as scikit-learn's log_loss; NaN stays. */
FM_INLINE double FM(log_probability)(FM_REAL p) {
    if (p < (FM_REAL)FM_EPS)
        p = (FM_REAL)FM_EPS;
    if (p > (FM_REAL)(1 - FM_EPS))
        p = (FM_REAL)(1 - FM_EPS);
    return log((double)p);
}

/* x log(y), 0 where x is 0 (and y is not NaN). */
FM_INLINE double FM(xlogy)(double x, double y) {
    return x == 0 && y == y ? 0 : x * log(y);
}

FM_INLINE vec FM(log_probabilities)(vec p) {
    return v_log(v_clamp(p, (FM_REAL)FM_EPS, (FM_REAL)(1 - FM_EPS)));
}

static void FM(log_loss_of_few)(long first, long rows, long outputs, FM_REAL *z, const int32_t *classes,
                                const int64_t *order, const double *weights, double *row_losses) {
    columns_t columns;
    FM_REAL logs[FM_FEW_ROWS] __attribute__((aligned(64))), weight[FM_FEW_ROWS] __attribute__((aligned(64)));
    FM_INT class_of[FM_FEW_ROWS] __attribute__((aligned(64)));
    memset(class_of, 0, sizeof class_of);
    memset(weight, 0, sizeof weight);
    FM(to_columns)(z, rows, outputs, &columns);
    FM(softmax_columns)(&columns, outputs);
    for (long r = 0; r < rows; r++) {
        const int64_t sample = order ? order[first + r] : first + r;
        class_of[r] = classes[sample];
        row_losses[first + r] = weights ? weights[sample] : 1;
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
    FM(from_columns)(&columns, rows, outputs, z);
}

static void FM(loss_log_loss)(long rows, long outputs, void *z, long stride, const void *targets, const int64_t *order,
                              const double *weights, double *row_losses) {
    const int32_t *classes = targets;
    if (outputs <= FM_FEW) {
        for (long r = 0; r < rows; r += FM_FEW_ROWS)
            FM(log_loss_of_few)(r, FM(few_rows)(rows, r), outputs, FM_ROW(z, stride, 0, r), classes, order, weights,
                                row_losses);
        return;
    }
    for (long r = 0; r < rows; r++) {
        const int64_t sample = order ? order[r] : r;
        const double weight = weights ? weights[sample] : 1;
        FM(softmax_row)(z, stride, r, outputs);
        row_losses[r] = -weight * FM(log_probability)(*FM(output)(z, stride, r, classes[sample]));
        /* By vectors: one element written alone would hold up the next vector read of it. */
        FM_INT first = 0;
        FM_EACH_VECTOR (at, z, stride, r, outputs) {
            const ivec column = v_lane_numbers() + first;
            const vec target = v_select(column == (FM_INT)classes[sample], v_all(1), v_all(0));
            *at = v_select(column < (FM_INT)outputs, (*at - target) * (FM_REAL)weight, v_all(0));
            first += (FM_INT)FM_LANES;
        }
    }
}

/* The losses over real targets differ in the link and in one output's loss, given its prediction p and target y. */
#undef FM_REAL_LOSS
#define FM_REAL_LOSS(name, link, one_loss)                                                          \
    static void FM(loss_##name)(long rows, long outputs, void *z, long stride, const void *targets, \
                                const int64_t *order, const double *weights, double *row_losses) {  \
        FM(link_##link)(rows, outputs, z, stride);                                                  \
        for (long r = 0; r < rows; r++) {                                                           \
            const int64_t sample = order ? order[r] : r;                                            \
            const FM_REAL *target = (const FM_REAL *)targets + sample * outputs;                    \
            const double weight = weights ? weights[sample] : 1;                                    \
            double sum = 0;                                                                         \
            for (long j = 0; j < outputs; j++) {                                                    \
                FM_REAL *at = FM(output)(z, stride, r, j);                                          \
                const FM_REAL p = *at, y = target[j];                                               \
                sum += one_loss;                                                                    \
                *at = weights ? (p - y) * (FM_REAL)weight : p - y;                                  \
            }                                                                                       \
            row_losses[r] = weight * sum;                                                           \
            FM(zero_padding)(z, stride, r, outputs);                                                \
        }                                                                                           \
    }

static void FM(binary_log_loss_of_few)(long first, long rows, long outputs, FM_REAL *z, const FM_REAL *targets,
                                       const int64_t *order, const double *weights, double *row_losses) {
    columns_t columns, ys;
    FM_REAL sums[FM_FEW_ROWS] __attribute__((aligned(64))), weight[FM_FEW_ROWS] __attribute__((aligned(64)));
    memset(sums, 0, sizeof sums);
    memset(weight, 0, sizeof weight);
    if (rows < FM_FEW_ROWS)
        memset(&ys, 0, sizeof ys);
    FM(to_columns)(z, rows, outputs, &columns);
    FM(logistic_columns)(&columns, outputs);
    for (long r = 0; r < rows; r++) {
        const int64_t sample = order ? order[first + r] : first + r;
        for (long j = 0; j < outputs; j++)
            ys.at[j][r] = targets[sample * outputs + j];
        row_losses[first + r] = weights ? weights[sample] : 1;
        weight[r] = (FM_REAL)row_losses[first + r];
    }
    for (long j = 0; j < outputs; j++)
        for (long v = 0; v < FM_FEW_ROWS / FM_LANES; v++) {
            vec *at = FM(column)(&columns, j, v);
            const vec p = *at, y = *FM(column)(&ys, j, v);
            ((vec *)sums)[v] += y * FM(log_probabilities)(p) + ((FM_REAL)1 - y) * FM(log_probabilities)((FM_REAL)1 - p);
            *at = (p - y) * ((const vec *)weight)[v];
        }
    for (long r = 0; r < rows; r++)
        row_losses[first + r] *= -(double)sums[r];
    FM(from_columns)(&columns, rows, outputs, z);
}
FM_REAL_LOSS(binary_log_loss_of_many, logistic,
             -(y == 0 ? 0 : y * FM(log_probability)(p)) - (y == 1 ? 0 : (1 - y) * FM(log_probability)(1 - p)))
FM_REAL_LOSS(squared_error, identity, 0.5 * ((double)p - y) * ((double)p - y) / outputs)
FM_REAL_LOSS(poisson, exp, FM(xlogy)(y, (double)y / p) - y + p)

static void FM(loss_binary_log_loss)(long rows, long outputs, void *z, long stride, const void *targets,
                                     const int64_t *order, const double *weights, double *row_losses) {
    if (outputs > FM_FEW)
        FM(loss_binary_log_loss_of_many)(rows, outputs, z, stride, targets, order, weights, row_losses);
    else
        for (long r = 0; r < rows; r += FM_FEW_ROWS)
            FM(binary_log_loss_of_few)(r, FM(few_rows)(rows, r), outputs, FM_ROW(z, stride, 0, r), targets, order,
                                       weights, row_losses);
}
