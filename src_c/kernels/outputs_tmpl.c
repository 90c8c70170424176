/* Links and losses read the outputs of rows as this file has them: one by one, vector by vector, or turned over where
 * they are few. */

FM_INLINE FM_REAL *FM(output)(const fm_rows *z, long r, long j) {
    return FM_ROW(z->at, z->stride, j / FM_PANEL, r) + j % FM_PANEL;
}

/* Returns which sample row r is. */
FM_INLINE int64_t FM(sample_of)(const fm_samples *samples, long r) {
    return samples->order ? samples->order[r] : r;
}

/* Returns what row r's sample weighs. */
FM_INLINE double FM(weight_of)(const fm_samples *samples, long r) {
    return samples->weights ? samples->weights[FM(sample_of)(samples, r)] : 1;
}

/* Writes zeros to the padding of the vector that holds the last output. Products never write the vectors after it. */
FM_INLINE void FM(zero_padding)(const fm_rows *z, long r) {
    const long outputs = z->width;
    if (outputs % FM_LANES) {
        vec *last = (vec *)FM(output)(z, r, outputs - outputs % FM_LANES);
        *last = v_select(v_lane_numbers() < (FM_INT)(outputs % FM_LANES), *last, v_all(0));
    }
}

/* Runs a statement for each vector that a row's outputs reach into, panel by panel. */
#define FM_EACH_VECTOR(at, z, r)                                                                \
    for (long panel_ = 0; panel_ * FM_PANEL < (z)->width; panel_++)                             \
        for (vec *at = (vec *)FM_ROW((z)->at, (z)->stride, panel_, r),                          \
                 *end_ = at + ((z)->width - panel_ * FM_PANEL < FM_PANEL                        \
                                   ? ((z)->width - panel_ * FM_PANEL + FM_LANES - 1) / FM_LANES \
                                   : FM_PANEL_VECTORS);                                         \
             at < end_; at++)

/* Rows of few outputs would leave most of a vector empty. They are turned over, some at a time, to run along the
 * vectors: column j of FM_FEW_ROWS rows is one array. */
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
#if FM_HAS_LANE_PICKS
    if (outputs <= FM_NARROW) {
        for (long r = 0; r < FM_FEW_ROWS; r += FM_LANES) {
            vec few[4];
            if (r < rows)
                FM(fours_to_columns)(z + r * FM_PANEL, rows - r, few);
            for (long j = 0; j < outputs; j++)
                *(vec *)(columns->at[j] + r) = r < rows ? few[j] : v_all(0);
        }
        return;
    }
#endif
    if (rows < FM_FEW_ROWS)
        memset(columns, 0, sizeof *columns);
    for (long r = 0; r < rows; r++, z += FM_PANEL)
        for (long j = 0; j < outputs; j++)
            columns->at[j][r] = z[j];
}

/* Turns over the targets of rows [first, first + rows), columns [from, from + outputs) of width. */
FM_INLINE void FM(targets_to_columns)(const fm_samples *samples, long first, long rows, long width, long from,
                                      long outputs, columns_t *columns) {
    const FM_REAL *targets = samples->targets;
    if (rows < FM_FEW_ROWS)
        memset(columns, 0, sizeof *columns);
    for (long r = 0; r < rows; r++)
        for (long j = 0; j < outputs; j++)
            columns->at[j][r] = targets[FM(sample_of)(samples, first + r) * width + from + j];
}

/* Writes what rows [first, first + rows) weigh. */
FM_INLINE void FM(weights_of)(const fm_samples *samples, long first, long rows, FM_REAL *out) {
    memset(out, 0, FM_FEW_ROWS * sizeof *out);
    for (long r = 0; r < rows; r++)
        out[r] = (FM_REAL)FM(weight_of)(samples, first + r);
}

/* Turns columns back into rows. The padding up to the end of the last vector becomes zero. */
FM_INLINE void FM(from_columns)(const columns_t *columns, long rows, long outputs, FM_REAL *z) {
#if FM_HAS_LANE_PICKS
    if (outputs <= FM_NARROW) {
        for (long r = 0; r < rows; r += FM_LANES) {
            vec few[4];
            for (long j = 0; j < 4; j++)
                few[j] = j < outputs ? *(const vec *)(columns->at[j] + r) : v_all(0);
            FM(fours_from_columns)(few, rows - r, z + r * FM_PANEL);
        }
        return;
    }
#endif
    for (long r = 0; r < rows; r++, z += FM_PANEL) {
        ((vec *)z)[(outputs - 1) / FM_LANES] = v_all(0);
        for (long j = 0; j < outputs; j++)
            z[j] = columns->at[j][r];
    }
}

FM_INLINE vec *FM(column)(columns_t *columns, long j, long v) {
    return (vec *)columns->at[j] + v;
}
