/* In this file lanes of several vectors change places, so that few columns of rows run along the vectors. */
#if FM_HAS_LANE_PICKS
/* Returns the numbers by which FM_PICK_LANES() takes the lanes with bit s clear: those of x stay where they are, those
 * of y go where bit s is set. With s more, they take the lanes with bit s set. */
FM_INLINE ivec FM(lanes_without)(long s) {
    const ivec lane = v_lane_numbers(), second = (lane & (FM_INT)s) != 0;
    return lane + (second & (FM_INT)(FM_LANES - s));
}

/* Transposes squares of n lanes that lie side by side in n vectors. After stage s, bit s of a lane's row and number
 * have changed places. */
FM_INLINE void FM(transpose_lanes)(const long n, vec *a) {
#pragma GCC unroll 4
    for (long s = 1; s < n; s *= 2) {
        const ivec low = FM(lanes_without)(s), high = low + (FM_INT)s;
#pragma GCC unroll 16
        for (long i = 0; i < n; i++)
            if (!(i & s)) {
                const vec x = a[i], y = a[i + s];
                a[i] = FM_PICK_LANES(x, low, y);
                a[i + s] = FM_PICK_LANES(x, high, y);
            }
    }
}

/* Returns the sums over the lanes of as many vectors as a vector has lanes, in one vector. At each stage the upper half
 * of what is left of a row's lanes is added to the lower half. */
FM_INLINE vec FM(sums_of_lanes)(vec *a) {
#pragma GCC unroll 4
    for (long s = FM_LANES / 2; s >= 1; s /= 2) {
        const ivec lane = v_lane_numbers(), second = (lane & (FM_INT)s) != 0;
        const ivec others = (lane ^ (FM_INT)s) + (second & (FM_INT)FM_LANES);
#pragma GCC unroll 16
        for (long i = 0; i < s; i++)
            a[i] = v_select(second, a[i + s], a[i]) + FM_PICK_LANES(a[i], others, a[i + s]);
    }
    return a[0];
}

_Static_assert(FM_NARROW == 4, "fours are rows of few outputs");

/* Turns the first four columns of FM_LANES rows into four vectors, one for each column. The last row stands for those
 * beyond it. */
FM_INLINE void FM(fours_to_columns)(const FM_REAL *from, long rows, vec *columns) {
#pragma GCC unroll 4
    for (long i = 0; i < 4; i++) {
        vec a = v_all(0);
#pragma GCC unroll 4
        for (long lane = 0; lane < FM_LANES; lane += 4) {
            const FM_REAL *at = from + (lane + i < rows ? lane + i : rows - 1) * FM_PANEL;
            a = FM_LOAD_FOUR(a, lane, at);
        }
        columns[i] = a;
    }
    FM(transpose_lanes)(4, columns);
}

/* Turns four columns back into rows, with zeros in the rest of each row's first vector. */
FM_INLINE void FM(fours_from_columns)(vec *columns, long rows, FM_REAL *to) {
    FM(transpose_lanes)(4, columns);
#define FM_FOUR_ROWS(number)                                    \
    _Pragma("GCC unroll 4") for (long i = 0; i < 4; i++) {      \
        vec *row = (vec *)(to + (4 * (number) + i) * FM_PANEL); \
        if (4 * (number) + i < rows)                            \
            *row = FM_FOUR(columns[i], number);                 \
    }
    FM_FOUR_ROWS(0)
    FM_FOUR_ROWS(1)
#if FM_VECTOR_BYTES * 8 / FM_BITS == 16
    FM_FOUR_ROWS(2)
    FM_FOUR_ROWS(3)
#endif
#undef FM_FOUR_ROWS
}
#endif
