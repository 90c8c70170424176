"""Small trees on columns of codes: grown by boosting from sums of bins; the numbers of the leaves that rows fall into.

A tree is the list of its splits, in the order in which they were made. Split number i takes one of the leaves 0 to i:
its rows whose code in a column is larger than a threshold become leaf i + 1, and the others keep the leaf's number. So
no list of splits can lead in a circle, and rows are numbered by as many comparisons as there are splits, for many rows
at once.
"""

import numpy as np

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy, memset
from numpy.random cimport bitgen_t

from fastmlp.engine.memory cimport Memory, are_within, ceil_divide
from fastmlp.engine.native cimport (
    FM_TREE_CODES, FM_TREE_QUAD, FM_TREE_ROWS, fm_boosting, fm_isa_kernels, fm_kernels, fm_tree, fm_tree_columns,
    fm_tree_limits, fm_tree_rows, fm_tree_split,
)
from fastmlp.engine.tables cimport isa_index_of

cnp.import_array()

# So few rows go through the trees one by one: comparing all splits would take longer.
cdef long ROWS_WALKED = 8
# Room for rows is a multiple of this, which is one of every instruction set's vectors.
cdef long ROWS_PADDED = 16
# Gains are twice what a split takes from the loss of rows that weigh 1 on average; less than this is rounding.
cdef double LEAST_GAIN = 1e-9
# A gain must be larger by this factor to come before that of an earlier leaf.
cdef double TIE = 1 + 1e-12


cdef struct leaf_state:
    # Its rows are those from first to end in the order of the tree's rows.
    long first
    long end
    double *sums
    fm_tree_split split


cdef class Growth:
    """The buffers of one boosting, and its progress from tree to tree.

    See :func:`begin_boosting`, which makes it and checks what comes in.
    """

    cdef const fm_kernels *kernels
    cdef Memory memory
    cdef object generator
    cdef bitgen_t *random
    cdef fm_boosting boosting
    cdef fm_tree_rows rows
    cdef fm_tree_columns columns
    cdef fm_tree_limits limits
    cdef long n_rows, n_columns, drawn_rows, drawn_columns, searched_columns, max_leaves, n_bins
    cdef int32_t *bins_of_columns
    cdef double learning_rate
    cdef uint8_t *by_row
    cdef uint8_t *by_column
    cdef uint8_t *leaves
    cdef int32_t *order
    cdef int32_t *scratch
    cdef int32_t *numbers
    cdef int32_t *offsets
    cdef int32_t *to_search
    cdef double *scores
    cdef double *targets
    cdef double *weights
    cdef double *moments
    cdef double *pool
    cdef double *totals
    cdef double *lefts
    cdef leaf_state *states
    cdef const void **sums_of_leaves
    cdef bint symmetric

    def __cinit__(self, const uint8_t[:, ::1] codes, const int32_t[::1] n_bins, const double[:, ::1] targets,
                  const double[::1] weights, const int64_t[::1] rows, const double[::1] base, seed, isa):
        cdef long n = rows.shape[0], outputs = targets.shape[1], r, c, k, row
        cdef long stride = ceil_divide(n, ROWS_PADDED) * ROWS_PADDED
        cdef long lanes = ceil_divide(1 + 2 * outputs, FM_TREE_QUAD) * FM_TREE_QUAD
        self.kernels = fm_isa_kernels(isa_index_of(isa), 64)
        self.generator = np.random.PCG64(seed)
        self.random = <bitgen_t *> PyCapsule_GetPointer(self.generator.capsule, "BitGenerator")
        self.memory = Memory()
        self.n_rows, self.n_columns = n, codes.shape[1]
        self.by_row = <uint8_t *> self.memory.zeros(n * self.n_columns)
        self.by_column = <uint8_t *> self.memory.zeros(n * self.n_columns)
        self.leaves = <uint8_t *> self.memory.zeros(n)
        self.order = <int32_t *> self.memory.zeros(n * sizeof(int32_t))
        self.scratch = <int32_t *> self.memory.zeros(n * sizeof(int32_t))
        self.numbers = <int32_t *> self.memory.zeros(self.n_columns * sizeof(int32_t))
        self.offsets = <int32_t *> self.memory.zeros((self.n_columns + 1) * sizeof(int32_t))
        self.to_search = <int32_t *> self.memory.zeros(self.n_columns * sizeof(int32_t))
        self.scores = <double *> self.memory.zeros(outputs * stride * sizeof(double))
        self.targets = <double *> self.memory.zeros(outputs * stride * sizeof(double))
        self.weights = <double *> self.memory.zeros(stride * sizeof(double))
        self.moments = <double *> self.memory.zeros(stride * lanes * sizeof(double))
        self.bins_of_columns = <int32_t *> self.memory.zeros(self.n_columns * sizeof(int32_t))
        self.n_bins = 0
        for c in range(self.n_columns):
            self.bins_of_columns[c] = n_bins[c]
            self.n_bins += n_bins[c]
        with nogil:
            for r in range(n):
                row = rows[r]
                memcpy(self.by_row + r * self.n_columns, &codes[row, 0], self.n_columns)
                self.weights[r] = weights[row]
                self.moments[r * lanes] = 1
                for c in range(self.n_columns):
                    self.by_column[c * n + r] = codes[row, c]
                for k in range(outputs):
                    self.targets[k * stride + r] = targets[row, k]
                    self.scores[k * stride + r] = base[k]
        self.boosting.outputs = self.limits.outputs = outputs
        self.boosting.lanes = self.rows.lanes = self.limits.lanes = lanes
        self.boosting.stride = stride
        self.boosting.scores, self.boosting.targets = self.scores, self.targets
        self.boosting.weights, self.boosting.moments = self.weights, self.moments
        self.rows.order, self.rows.codes, self.rows.width = self.order, self.by_row, self.n_columns
        self.rows.moments = self.moments
        self.columns.numbers, self.columns.offsets = self.numbers, self.offsets
        self.columns.to_search = self.to_search

    cdef int set_limits(self, bint classes, long max_leaves, long min_rows, double learning_rate, double l2,
                        long drawn_rows, long drawn_columns, long searched_columns, bint symmetric) except -1:
        """Take the numbers that say how trees grow, and make the buffers that depend on them."""
        cdef long lanes = self.limits.lanes
        self.boosting.classes, self.symmetric = classes, symmetric
        self.max_leaves, self.learning_rate = max_leaves, learning_rate
        self.drawn_rows, self.drawn_columns, self.searched_columns = drawn_rows, drawn_columns, searched_columns
        self.limits.l2, self.limits.min_rows, self.limits.min_gain = l2, min_rows, LEAST_GAIN
        self.limits.scratch = self.memory.zeros((lanes + 1) * FM_TREE_CODES * sizeof(double))
        # Only leaves that may be split have sums of bins, so the last leaf's are never touched.
        self.pool = <double *> self.memory.zeros(max_leaves * self.n_bins * lanes * sizeof(double))
        self.totals = <double *> self.memory.zeros(max_leaves * lanes * sizeof(double))
        self.lefts = <double *> self.memory.zeros(max_leaves * lanes * sizeof(double))
        self.states = <leaf_state *> self.memory.zeros(max_leaves * sizeof(leaf_state))
        self.sums_of_leaves = <const void **> self.memory.zeros(max_leaves * sizeof(void *))
        return 0

    cdef long draw(self, long n, long n_drawn, int32_t *drawn) noexcept nogil:
        """Write n_drawn of the numbers below n, in ascending order, and return n_drawn.

        One random number is taken for each of the n, and none where all are drawn.
        """
        cdef long i, found = 0
        for i in range(n if n_drawn < n else 0):
            # It is written where the next one drawn belongs, and stays there if it is drawn; at the end that may be
            # the place behind the last, which exists since not all are drawn.
            drawn[found] = <int32_t> i
            found += self.random.next_double(self.random.state) * (n - i) < n_drawn - found
        if n_drawn == n:
            for i in range(n):
                drawn[i] = <int32_t> i
        return n_drawn

    cdef void search(self, long leaf) noexcept nogil:
        """Find the best split of a leaf that has sums of bins."""
        cdef leaf_state *state = &self.states[leaf]
        cdef long at = leaf * self.limits.lanes
        if state.end - state.first >= 2 * self.limits.min_rows:
            self.columns.searched = self.draw(self.columns.columns, min(self.searched_columns, self.columns.columns),
                                              self.to_search)
            self.kernels.tree_split(&self.columns, state.sums, self.totals + at, &self.limits, self.lefts + at,
                                    &state.split)

    cdef void sum_bins(self, long leaf, double *sums) noexcept nogil:
        """Give a leaf the sums of the bins of its rows."""
        cdef leaf_state *state = &self.states[leaf]
        self.rows.order, self.rows.rows = self.order + state.first, state.end - state.first
        state.sums = sums
        self.kernels.tree_sums(&self.rows, &self.columns, sums)

    cdef void begin_tree(self) noexcept nogil:
        """Draw rows and columns, and make the first leaf of all these rows."""
        cdef long c, b, i, lanes = self.limits.lanes
        self.states[0].first, self.states[0].end = 0, self.draw(self.n_rows, self.drawn_rows, self.order)
        self.columns.columns = self.draw(self.n_columns, self.drawn_columns, self.numbers)
        for c in range(self.columns.columns):
            self.offsets[c + 1] = self.offsets[c] + self.bins_of_columns[self.numbers[c]]
        self.sum_bins(0, self.pool)
        memset(self.totals, 0, lanes * sizeof(double))
        for b in range(self.offsets[1]):
            for i in range(lanes):
                self.totals[i] += self.pool[b * lanes + i]

    cdef void part_rows(self, long leaf, long new, const fm_tree_split *split) noexcept nogil:
        """Split the rows of a leaf, whose left sums are known, into those that stay and those of a new leaf."""
        cdef leaf_state *state = &self.states[leaf]
        cdef long lanes = self.limits.lanes, column = self.numbers[split.column]
        cdef long left = self.kernels.tree_part(state.end - state.first, self.order + state.first,
                                                self.by_column + column * self.n_rows, split.threshold, self.scratch)
        self.states[new].first, self.states[new].end = state.first + left, state.end
        state.end = state.first + left
        memcpy(self.totals + new * lanes, self.totals + leaf * lanes, lanes * sizeof(double))
        self.kernels.tree_rest(lanes, self.totals + new * lanes, self.lefts + leaf * lanes)
        memcpy(self.totals + leaf * lanes, self.lefts + leaf * lanes, lanes * sizeof(double))

    cdef long larger_of(self, long leaf, long new) noexcept nogil:
        """Return which of two leaves has more rows, the second if they have as many."""
        cdef leaf_state *first = &self.states[leaf]
        cdef leaf_state *second = &self.states[new]
        return leaf if first.end - first.first > second.end - second.first else new

    cdef void sum_halves(self, long smaller, long larger, double *sums, long new) noexcept nogil:
        """Give the sums of bins to both halves of a leaf, whose own are given: those of fewer rows are summed up."""
        cdef long lanes = self.limits.lanes
        self.sum_bins(smaller, self.pool + new * self.n_bins * lanes)
        self.states[larger].sums = sums
        self.kernels.tree_rest(self.offsets[self.columns.columns] * lanes, sums, self.states[smaller].sums)

    cdef void split_leaf(self, long leaf, long new) noexcept nogil:
        """Split a leaf into itself and a new one, and find the best splits of both if there may be more leaves."""
        cdef leaf_state *state = &self.states[leaf]
        cdef double *sums = state.sums
        self.part_rows(leaf, new, &state.split)
        state.split.column = self.states[new].split.column = -1
        cdef long larger = self.larger_of(leaf, new), smaller = leaf + new - larger
        if (new + 1 == self.max_leaves
                or self.states[larger].end - self.states[larger].first < 2 * self.limits.min_rows):
            return
        self.sum_halves(smaller, larger, sums, new)
        self.search(smaller)
        self.search(larger)

    cdef bint split_level(self, long n_leaves, int32_t *columns, uint8_t *thresholds, uint8_t *parents) noexcept nogil:
        """Split all leaves alike, and return whether that gains anything."""
        cdef fm_tree_split split
        cdef long leaf, larger, b, i, lanes = self.limits.lanes
        cdef double *sums
        self.columns.searched = self.draw(self.columns.columns, min(self.searched_columns, self.columns.columns),
                                          self.to_search)
        for leaf in range(n_leaves):
            self.sums_of_leaves[leaf] = self.states[leaf].sums
        self.kernels.tree_level(&self.columns, n_leaves, self.sums_of_leaves, self.totals, &self.limits, &split)
        if split.column < 0:
            return False
        for leaf in range(n_leaves):
            sums = self.states[leaf].sums
            memset(self.lefts + leaf * lanes, 0, lanes * sizeof(double))
            for b in range(self.offsets[split.column], self.offsets[split.column] + split.threshold + 1):
                for i in range(lanes):
                    self.lefts[leaf * lanes + i] += sums[b * lanes + i]
            self.part_rows(leaf, n_leaves + leaf, &split)
            if 2 * n_leaves < self.max_leaves:
                larger = self.larger_of(leaf, n_leaves + leaf)
                self.sum_halves(2 * leaf + n_leaves - larger, larger, sums, n_leaves + leaf)
            columns[leaf] = self.numbers[split.column]
            thresholds[leaf] = <uint8_t> split.threshold
            parents[leaf] = <uint8_t> leaf
        self.kernels.tree_sides(self.n_rows, self.by_column + columns[0] * self.n_rows, split.threshold,
                                <int> n_leaves, self.leaves)
        return True

    cdef long grow_tree(self, int32_t *columns, uint8_t *thresholds, uint8_t *parents, double *values) noexcept nogil:
        """Grow one tree, add its values to the scores of all rows, and return the number of its leaves."""
        cdef long n_leaves = 1, leaf, best, r, k, lanes = self.limits.lanes, outputs = self.limits.outputs
        cdef double gain, h
        cdef double *scores
        self.kernels.tree_gradients(&self.boosting)
        memset(self.leaves, 0, self.n_rows)
        self.begin_tree()
        if self.symmetric:
            while 2 * n_leaves <= self.max_leaves and self.split_level(n_leaves, columns + n_leaves - 1,
                                                                       thresholds + n_leaves - 1,
                                                                       parents + n_leaves - 1):
                n_leaves *= 2
        else:
            self.states[0].split.column = -1
            self.search(0)
        while not self.symmetric and n_leaves < self.max_leaves:
            best, gain = -1, 0
            for leaf in range(n_leaves):
                if self.states[leaf].split.column >= 0 and self.states[leaf].split.gain > gain:
                    best, gain = leaf, self.states[leaf].split.gain * TIE
            if best < 0:
                break
            columns[n_leaves - 1] = self.numbers[self.states[best].split.column]
            thresholds[n_leaves - 1] = <uint8_t> self.states[best].split.threshold
            parents[n_leaves - 1] = <uint8_t> best
            self.split_leaf(best, n_leaves)
            self.kernels.tree_leaves(self.n_rows, self.by_column + columns[n_leaves - 1] * self.n_rows,
                                     thresholds[n_leaves - 1], best, n_leaves, self.leaves)
            n_leaves += 1
        for leaf in range(n_leaves):
            for k in range(outputs):
                h = max(self.totals[leaf * lanes + 1 + outputs + k] + self.limits.l2, 1e-12)
                values[leaf * outputs + k] = -self.learning_rate * self.totals[leaf * lanes + 1 + k] / h
        for k in range(outputs):
            scores = self.scores + k * self.boosting.stride
            for r in range(self.n_rows):
                scores[r] += values[self.leaves[r] * outputs + k]
        return n_leaves

    def grow(self, long n_trees):
        """Grow the next trees.

        Parameters
        ----------
        n_trees : int >= 1

        Returns
        -------
        columns : ndarray of int32 of shape (n_splits,)
            The splits of all trees, one tree after another.
        thresholds, parents : ndarray of uint8 of shape (n_splits,)
            Which leaf is split: rows with larger codes become the next new leaf of the tree.
        n_leaves : ndarray of int32 of shape (n_trees,)
            A tree has one split less than it has leaves.
        values : ndarray of float64 of shape (sum of n_leaves, outputs)
            What each leaf adds to the scores.
        """
        if n_trees < 1:
            raise ValueError(f"n_trees must be at least 1; got {n_trees}")
        cdef long outputs = self.limits.outputs, splits_done = 0, leaves_done = 0, tree
        columns = np.empty(n_trees * (self.max_leaves - 1), dtype=np.int32)
        thresholds, parents = np.empty(len(columns), dtype=np.uint8), np.empty(len(columns), dtype=np.uint8)
        n_leaves = np.empty(n_trees, dtype=np.int32)
        values = np.empty((n_trees * self.max_leaves, outputs))
        cdef int32_t *columns_at = <int32_t *> cnp.PyArray_DATA(columns)
        cdef uint8_t *thresholds_at = <uint8_t *> cnp.PyArray_DATA(thresholds)
        cdef uint8_t *parents_at = <uint8_t *> cnp.PyArray_DATA(parents)
        cdef double *values_at = <double *> cnp.PyArray_DATA(values)
        cdef int32_t *counts = <int32_t *> cnp.PyArray_DATA(n_leaves)
        with nogil:
            for tree in range(n_trees):
                counts[tree] = <int32_t> self.grow_tree(columns_at + splits_done, thresholds_at + splits_done,
                                                        parents_at + splits_done, values_at + leaves_done * outputs)
                splits_done += counts[tree] - 1
                leaves_done += counts[tree]
        return (columns[:splits_done].copy(), thresholds[:splits_done].copy(), parents[:splits_done].copy(), n_leaves,
                values[:leaves_done].copy())


cdef long first_row_without_bins(const uint8_t[:, ::1] codes, const int32_t[::1] n_bins,
                                 const int64_t[::1] rows) noexcept nogil:
    """Return the first of some rows with a code that is not below its column's number of bins, or -1."""
    cdef long i, c
    cdef bint within
    for i in range(rows.shape[0]):
        within = True
        for c in range(codes.shape[1]):
            within &= codes[rows[i], c] < n_bins[c]
        if not within:
            return rows[i]
    return -1


def grow_trees(codes, n_bins, targets, weights, rows, base, *, n_trees, **parameters):
    """Grow so many trees.

    Parameters
    ----------
    codes, n_bins, targets, weights, rows, base, **parameters
        As :func:`begin_boosting` takes them.
    n_trees : int >= 1

    Returns
    -------
    columns, thresholds, parents, n_leaves, values : ndarray
        As :meth:`Growth.grow` returns them.
    """
    return begin_boosting(codes, n_bins, targets, weights, rows, base, **parameters).grow(n_trees)


def begin_boosting(const uint8_t[:, ::1] codes, const int32_t[::1] n_bins, const double[:, ::1] targets,
                   const double[::1] weights, const int64_t[::1] rows, const double[::1] base, *, bint classes,
                   long max_leaves, long min_rows, double learning_rate, double l2, long drawn_rows,
                   long drawn_columns, long searched_columns, bint symmetric, seed, isa=None):
    """Begin to grow trees one after another, each from the derivatives of the loss that those before it leave.

    The loss is the squared error, or for classes the log loss, of logits for one output and of softmax for several. A
    tree predicts all outputs. Its leaf with the largest gain is split next. The gain of a split is the sum over outputs
    of G^2 / (H + l2), for both new leaves less that for the old one; G and H are sums of weighted first and second
    derivatives. With K > 1 classes, the second derivatives are p (1 - p) K / (K - 1). Of equal gains the first column
    and the lowest threshold win, and the leaf with the lowest number is split.

    All of it runs on the caller's thread, without the GIL. Random numbers come from PCG64: for each tree, one for each
    row unless all rows are drawn, then one for each column unless all are; then, for each leaf whose best split is
    searched, one for each of these columns unless all of them are searched.

    Parameters
    ----------
    codes : memoryview of uint8 of shape (n_codes, n_columns)
    n_bins : memoryview of int32 of shape (n_columns,)
        A column's codes are below its number, which is 1 to 256.
    targets : memoryview of float64 of shape (n_codes, n_outputs)
        Numbers; or 0 and 1 for classes.
    weights : memoryview of float64 of shape (n_codes,)
        At least 0, and about 1 on average.
    rows : memoryview of int64 of shape (n_rows,)
        The rows of all these that are learned from.
    base : memoryview of float64 of shape (n_outputs,)
        The scores that the first tree starts from.
    max_leaves : int from 2 to 256
    min_rows : int >= 1
    l2 : float >= 0
    drawn_rows, drawn_columns : int
        How many rows and columns each tree is grown from.
    searched_columns : int
        Among how many of these columns each split is searched, at most.
    symmetric : bool
        Whether all leaves are split alike, by the column and the threshold that gain most over all of them, until there
        would be more than max_leaves; leaves may be empty then.
    seed : int >= 0

    Returns
    -------
    growth : Growth
    """
    cdef long n = rows.shape[0], n_columns = codes.shape[1], n_outputs = targets.shape[1], c, r
    if not (1 <= n < 2**31 and n_columns and n_outputs):
        raise ValueError(f"expected rows, columns and outputs, got {n}, {n_columns} and {n_outputs}")
    if not (n_bins.shape[0] == n_columns and targets.shape[0] == weights.shape[0] == codes.shape[0]
            and base.shape[0] == n_outputs):
        raise ValueError(f"codes of shape ({codes.shape[0]}, {n_columns}) do not go with {n_bins.shape[0]} numbers of "
                         f"bins, {targets.shape[0]} rows of targets and {weights.shape[0]} weights")
    if not (2 <= max_leaves <= 256 and min_rows >= 1 and 1 <= drawn_rows <= n
            and 1 <= drawn_columns <= n_columns and searched_columns >= 1):
        raise ValueError(f"max_leaves={max_leaves}, min_rows={min_rows}, drawn_rows={drawn_rows}, "
                         f"drawn_columns={drawn_columns} or searched_columns={searched_columns} is out of range")
    if not are_within(&rows[0], n, codes.shape[0]):
        raise ValueError(f"rows must be numbers from 0 to {codes.shape[0] - 1}")
    for c in range(n_columns):
        if not 1 <= n_bins[c] <= 256:
            raise ValueError(f"column {c} has {n_bins[c]} bins; 1 to 256 are possible")
    with nogil:
        r = first_row_without_bins(codes, n_bins, rows)
    if r >= 0:
        for c in range(n_columns):
            if codes[r, c] >= n_bins[c]:
                raise ValueError(f"row {r} has the code {codes[r, c]} in column {c}, which has {n_bins[c]} bins")
    cdef Growth growth = Growth(codes, n_bins, targets, weights, rows, base, seed, isa)
    growth.set_limits(classes, max_leaves, min_rows, learning_rate, l2, drawn_rows, drawn_columns, searched_columns,
                      symmetric)
    return growth


def check_trees(const int32_t[::1] columns, const uint8_t[::1] thresholds, const uint8_t[::1] parents,
                const int32_t[::1] n_leaves, long n_columns):
    """Raise a ValueError for splits that do not make trees on so many columns."""
    cdef long tree, i, split = 0
    if not columns.shape[0] == thresholds.shape[0] == parents.shape[0]:
        raise ValueError(f"{columns.shape[0]} columns do not go with {thresholds.shape[0]} thresholds and "
                         f"{parents.shape[0]} leaves that are split")
    for tree in range(n_leaves.shape[0]):
        if not 1 <= n_leaves[tree] <= 256:
            raise ValueError(f"tree {tree} has {n_leaves[tree]} leaves; 1 to 256 are possible")
        if n_leaves[tree] - 1 > columns.shape[0] - split:
            raise ValueError(f"tree {tree} has {n_leaves[tree]} leaves, but only {columns.shape[0] - split} splits are "
                             "left for it")
        for i in range(n_leaves[tree] - 1):
            if not 0 <= columns[split] < n_columns:
                raise ValueError(f"split {i} of tree {tree} is by column {columns[split]} of {n_columns}")
            if parents[split] > i:
                raise ValueError(f"split {i} of tree {tree} is of leaf {parents[split]}, which is not there yet")
            split += 1
    if split != columns.shape[0]:
        raise ValueError(f"there are {columns.shape[0]} splits, but the trees have {split}")


cdef bint splits_alike(const int32_t *columns, const uint8_t *thresholds, const uint8_t *parents, long leaves,
                       long n_leaves) noexcept nogil:
    """Return whether the next splits of a tree split all of its leaves so far, in their order, and alike."""
    cdef long leaf
    if 2 * leaves > n_leaves:
        return False
    for leaf in range(leaves):
        if parents[leaf] != leaf or columns[leaf] != columns[0] or thresholds[leaf] != thresholds[0]:
            return False
    return True


cdef class LeafReader:
    """Trees that rows are sent through: checked once, and kept in the forms in which few and many rows go fastest.

    Parameters
    ----------
    columns, thresholds, parents, n_leaves : memoryviews
        As :meth:`Growth.grow` returns them. They are copied.
    n_columns : int
        The number of columns of codes.
    """

    cdef Memory memory
    cdef readonly long n_columns, n_trees
    cdef long n_splits, n_used
    cdef fm_tree *trees
    # What is known of each split, that of one tree after another.
    cdef int32_t *columns
    cdef uint8_t *thresholds
    # What follows on either side: the number of another split, or -1 less that of a leaf.
    cdef int32_t *following
    # The columns that are split by at all.
    cdef int32_t *used

    def __cinit__(self, const int32_t[::1] columns, const uint8_t[::1] thresholds, const uint8_t[::1] parents,
                  const int32_t[::1] n_leaves, long n_columns):
        check_trees(columns, thresholds, parents, n_leaves, n_columns)
        cdef long n = columns.shape[0], tree, leaf, first = 0, split
        cdef int32_t *hanging[256]
        cdef int32_t root
        cdef uint8_t *parents_read
        cdef uint8_t *alike
        cdef int32_t *places
        cdef int32_t *place_of
        self.memory = Memory()
        self.n_columns, self.n_trees, self.n_splits = n_columns, n_leaves.shape[0], n
        self.columns = <int32_t *> self.memory.zeros(n * sizeof(int32_t))
        self.thresholds = <uint8_t *> self.memory.zeros(n)
        parents_read = <uint8_t *> self.memory.zeros(n)
        alike = <uint8_t *> self.memory.zeros(n)
        places = <int32_t *> self.memory.zeros(n * sizeof(int32_t))
        self.following = <int32_t *> self.memory.zeros(2 * n * sizeof(int32_t))
        self.trees = <fm_tree *> self.memory.zeros(self.n_trees * sizeof(fm_tree))
        self.used = <int32_t *> self.memory.zeros(n_columns * sizeof(int32_t))
        place_of = <int32_t *> self.memory.zeros(n_columns * sizeof(int32_t))  # from 1
        for split in range(n):
            self.columns[split], self.thresholds[split] = columns[split], thresholds[split]
            parents_read[split] = parents[split]
            if not place_of[columns[split]]:
                self.used[self.n_used] = columns[split]
                self.n_used += 1
                place_of[columns[split]] = <int32_t> self.n_used
            places[split] = place_of[columns[split]] - 1
        for tree in range(self.n_trees):
            self.trees[tree] = fm_tree(n_leaves[tree], places + first, self.thresholds + first, parents_read + first,
                                       alike + first)
            # Where each leaf so far hangs; a further split of it takes its place there.
            hanging[0] = &root
            for leaf in range(1, n_leaves[tree]):
                split = first + leaf - 1
                hanging[parents[split]][0] = <int32_t> split
                hanging[parents[split]] = &self.following[2 * split]
                hanging[leaf] = &self.following[2 * split + 1]
                alike[split] = splits_alike(self.columns + split, self.thresholds + split, parents_read + split, leaf,
                                            n_leaves[tree])
            for leaf in range(n_leaves[tree]):
                hanging[leaf][0] = <int32_t> (-1 - leaf)
            first += n_leaves[tree] - 1

    cdef void walk(self, const uint8_t *codes, uint8_t *out) noexcept nogil:
        """Write the leaves of one row, going from split to split."""
        cdef long tree, first = 0
        cdef int32_t node
        for tree in range(self.n_trees):
            node = <int32_t> first if self.trees[tree].leaves > 1 else -1
            while node >= 0:
                node = self.following[2 * node + (codes[self.columns[node]] > self.thresholds[node])]
            out[tree] = <uint8_t> (-1 - node)
            first += self.trees[tree].leaves - 1

    cdef void turn(self, long rows, const uint8_t *codes, uint8_t *block) noexcept nogil:
        """Write the codes that are read of a block of rows, those of one column after another, as splits read them."""
        cdef long r, c
        for r in range(rows):
            for c in range(self.n_used):
                block[c * FM_TREE_ROWS + r] = codes[r * self.n_columns + self.used[c]]

    cdef int check(self, const uint8_t[:, ::1] codes) except -1:
        if codes.shape[1] != self.n_columns:
            raise ValueError(f"codes have {codes.shape[1]} columns; the trees read {self.n_columns}")
        return 0

    def leaf_numbers(self, const uint8_t[:, ::1] codes, *, isa=None):
        """Return the number of the leaf that each row falls into, for each tree, without the GIL.

        Parameters
        ----------
        codes : memoryview of uint8 of shape (n_rows, n_columns)

        Returns
        -------
        leaves : ndarray of uint8 of shape (n_rows, n_trees)
        """
        cdef long n = codes.shape[0], i, r, first, rows, tree
        cdef const fm_kernels *kernels = fm_isa_kernels(isa_index_of(isa), 32)
        self.check(codes)
        leaves = np.zeros((n, self.n_trees), dtype=np.uint8)
        if not n or not self.n_splits:
            return leaves
        cdef uint8_t *out = <uint8_t *> cnp.PyArray_DATA(leaves)
        if n <= ROWS_WALKED:
            with nogil:
                for r in range(n):
                    self.walk(&codes[r, 0], out + r * self.n_trees)
            return leaves
        cdef Memory memory = Memory()
        cdef uint8_t *block = <uint8_t *> memory.zeros(self.n_used * FM_TREE_ROWS)
        cdef uint8_t *of_tree = <uint8_t *> memory.zeros(FM_TREE_ROWS)
        with nogil:
            for i in range(ceil_divide(n, FM_TREE_ROWS)):
                first = i * FM_TREE_ROWS
                rows = min(<long> FM_TREE_ROWS, n - first)
                self.turn(rows, &codes[first, 0], block)
                for tree in range(self.n_trees):
                    kernels.tree_numbers(rows, &self.trees[tree], block, of_tree)
                    for r in range(rows):
                        out[(first + r) * self.n_trees + tree] = of_tree[r]
        return leaves

    def sums(self, const uint8_t[:, ::1] codes, const float[:, ::1] values, const float[::1] base, *, isa=None):
        """Return the sums of the values of the leaves that rows fall into, without the GIL.

        A row's sums are added in the order of the trees, so that they depend on no other row.

        Parameters
        ----------
        codes : memoryview of uint8 of shape (n_rows, n_columns)
        values : memoryview of float32 of shape (n_outputs, sum of n_leaves)
            What the leaves of all trees, one after another, add to each output.
        base : memoryview of float32 of shape (n_outputs,)
            The outputs before the first tree.

        Returns
        -------
        sums : ndarray of float32 of shape (n_rows, n_outputs)
        """
        cdef long n = codes.shape[0], outputs = base.shape[0], n_values = self.n_splits + self.n_trees
        cdef long i, r, k, first, rows, tree, leaf
        cdef const fm_kernels *kernels = fm_isa_kernels(isa_index_of(isa), 32)
        self.check(codes)
        if values.shape[0] != outputs or values.shape[1] != n_values:
            raise ValueError(f"values must have the shape ({outputs}, {n_values})")
        found = np.empty((n, outputs), dtype=np.float32)
        if not n or not outputs:
            return found
        cdef float *out = <float *> cnp.PyArray_DATA(found)
        cdef Memory memory = Memory()
        cdef bint is_walked = n <= ROWS_WALKED
        cdef uint8_t *of_row = <uint8_t *> memory.zeros(self.n_trees if is_walked else FM_TREE_ROWS)
        cdef uint8_t *block
        cdef float *total
        if is_walked:
            with nogil:
                for r in range(n):
                    self.walk(&codes[r, 0], of_row)
                    for k in range(outputs):
                        out[r * outputs + k] = base[k]
                        leaf = 0
                        for tree in range(self.n_trees):
                            out[r * outputs + k] += values[k, leaf + of_row[tree]]
                            leaf += self.trees[tree].leaves
            return found
        block = <uint8_t *> memory.zeros(self.n_used * FM_TREE_ROWS)
        total = <float *> memory.zeros(outputs * FM_TREE_ROWS * sizeof(float))
        with nogil:
            for i in range(ceil_divide(n, FM_TREE_ROWS)):
                first = i * FM_TREE_ROWS
                rows = min(<long> FM_TREE_ROWS, n - first)
                self.turn(rows, &codes[first, 0], block)
                for k in range(outputs):
                    for r in range(rows):
                        total[k * FM_TREE_ROWS + r] = base[k]
                leaf = 0
                for tree in range(self.n_trees):
                    kernels.tree_numbers(rows, &self.trees[tree], block, of_row)
                    for k in range(outputs):
                        kernels.tree_values(rows, of_row, self.trees[tree].leaves, &values[k, leaf],
                                            total + k * FM_TREE_ROWS)
                    leaf += self.trees[tree].leaves
                for r in range(rows):
                    for k in range(outputs):
                        out[(first + r) * outputs + k] = total[k * FM_TREE_ROWS + r]
        return found
