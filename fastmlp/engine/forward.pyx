"""Forward passes: blocks of rows through all layers, shared with other threads where there is enough to do."""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc

from fastmlp.engine.layers.columns cimport lookups_at, lookups_bytes
from fastmlp.engine.layers.inputs cimport find_csr_rows, gather_inputs, look_up_inputs
from fastmlp.engine.layout cimport panels_of, rows_at
from fastmlp.engine.memory cimport FM_SLACK, aligned, ceil_divide
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_call, fm_call_helpers, fm_csr, fm_denormals_flush, fm_denormals_restore, fm_dismiss_helpers,
    fm_lookups, fm_rows, fm_seconds, fm_take,
)
from fastmlp.engine.structs cimport CACHED_ROWS, packed_layer
from fastmlp.engine.teams cimport Judgement, threads_worthwhile

# Rows times parameters that a forward pass does before it lets go of the GIL, about 10 us of work.
cdef long ROW_PARAMS_WITH_GIL = 500_000
# To call a helper takes so long.
cdef double SECONDS_PER_CALL = 5e-6
# Blocks of rows that take so long, at least, on any core are shared at once. Of others the first is measured.
cdef double SECONDS_TO_MEASURE = 25e-6
cdef double MOST_FLOPS_PER_SECOND = 2.5e11
# So many blocks are taken at a time as take so long; fewer where that would be much of the work, since the last ones
# are waited for. The caches like rows that lie together.
cdef double SECONDS_PER_SHARE = 100e-6

# What is known of all predictions of this process, of whose time a twentieth may be lost.
cdef Judgement predictions = Judgement(20)


# A forward pass: which rows, and where their outputs go; in blocks, which whoever has time takes.
cdef struct forward_work:
    const int64_t *order
    long first
    long n
    long n_blocks
    char *scratch          # (threads, 2, CACHED_ROWS, the widest layer)
    Py_ssize_t scratch_bytes  # of a thread
    long stride
    char *out
    long width
    long depth             # the layers that the rows go through
    char **hidden          # (depth,): where the outputs of each layer go on the way, or NULL; NULL: nobody wants any
    bint linked
    bint check
    long share             # blocks to take at a time
    long taken
    long bad               # more than 0 once check has found a number that is not finite
    double block_seconds   # of one thread; 0 while that is not known
    double called          # when others were called; 0 if nobody was
    long alone             # blocks done before that
    double seconds         # since then
    double gain            # seconds that their help saved


cdef bint is_small(const packed_network *net, long n) noexcept nogil:
    """Return whether a forward pass of n rows is done before another thread would have come."""
    return n * net.multiply_adds < ROW_PARAMS_WITH_GIL or n <= CACHED_ROWS or net.runs_python


cdef bint forward_rows(packed_network *net, const row_source *X, const int64_t *order, long first, long n, char *to,
                       long width, long depth, char **hidden, int n_threads, bint judged, bint linked,
                       bint check) except -1:
    """Write the outputs of n rows, from first on, to rows of width elements; without linked those before the link.

    The rows go through depth layers, and the outputs are those of the last of these; those of layer i on the way are
    written to hidden[i], one row after another, unless hidden or hidden[i] is NULL.

    n_threads share the rows; with judged fewer where there is little to do, and one after others were of no use. With
    check, dense rows are looked through first: False, with some outputs missing, when one has a number that is not
    finite.
    """
    cdef long i, widest = 0
    cdef char *buffer
    cdef forward_work work
    work.order, work.first, work.n, work.n_blocks = order, first, n, ceil_divide(n, CACHED_ROWS)
    work.out, work.width, work.linked, work.check = to, width, linked and depth == net.n_layers, check
    work.depth, work.hidden = depth, hidden
    # An odd number of rows per panel keeps the panels of one row out of each other's cache sets.
    work.stride, work.share, work.taken, work.bad = min(n, CACHED_ROWS) | 1, work.n_blocks, 0, 0
    work.block_seconds = net.block_seconds if depth == net.n_layers else 0
    work.called, work.seconds, work.gain, work.alone = 0, 0, 0, 0
    n_threads = 1 if is_small(net, n) else max(1, min(n_threads, work.n_blocks))
    if n_threads > 1 and judged and predictions.alone(fm_seconds()):
        n_threads = 1
    for i in range(net.n_layers):
        widest = max(widest, net.layers[i].n_outputs)
        if i > 0 or not (X.is_sparse or X.is_encoded):
            widest = max(widest, net.layers[i].n_inputs)
    work.scratch_bytes = panels_of(net, widest) * work.stride * FM_PANEL_BYTES
    if X.is_encoded:
        work.scratch_bytes = max(work.scratch_bytes, (lookups_bytes(net, work.stride) + 63) & ~<Py_ssize_t> 63)
    work.scratch_bytes *= 2
    buffer = <char *> PyMem_RawMalloc(n_threads * work.scratch_bytes + FM_SLACK)
    if buffer == NULL:
        raise MemoryError(f"no memory for the activations of {n_threads} x {min(n, CACHED_ROWS)} rows")
    work.scratch = aligned(buffer, n_threads * work.scratch_bytes)
    if n * net.multiply_adds < ROW_PARAMS_WITH_GIL:
        _take_share(net, X, &work, 0)
    else:
        with nogil:
            if n_threads == 1:
                _take_share(net, X, &work, 0)
            else:
                _share_blocks(net, X, &work, n_threads, judged)
    PyMem_RawFree(buffer)
    if n_threads > 1 and not work.bad:
        # The least there was, as far as that is not long ago: others may have disturbed the rest.
        if depth == net.n_layers:
            net.block_seconds = min(work.block_seconds, 1.05 * net.block_seconds) or work.block_seconds
        if work.called != 0:
            predictions.note(work.seconds, work.gain, fm_seconds())
    return not work.bad


cdef void _share_blocks(packed_network *net, const row_source *X, forward_work *work, int n_threads,
                        bint judged) noexcept nogil:
    """Do a forward pass with the help of other threads; with judged, of as many as its work is worth, as it shows."""
    cdef double least = 2.0 * net.multiply_adds * CACHED_ROWS / MOST_FLOPS_PER_SECOND, start = fm_seconds(), ended
    cdef bint is_known = work.block_seconds > 0
    cdef long done = 0, n
    cdef int team = n_threads
    cdef fm_call call
    if not is_known:
        work.block_seconds = least
    if judged:
        team = 1
        if is_known or least > SECONDS_TO_MEASURE:
            team = threads_worthwhile(work.block_seconds * work.n_blocks, n_threads)
    work.share = 1
    while True:
        if team > 1 and work.called == 0:
            # Not so many that threads would end far apart.
            work.share = max(1, min(<long> (SECONDS_PER_SHARE / work.block_seconds),
                                    (work.n_blocks - done) // (6 * team)))
            work.called, work.alone = fm_seconds(), done
            call.function, call.network, call.rows, call.work = _help, net, <void *> X, work
            fm_call_helpers(&call, team - 1)
        n = _take_share(net, X, work, 0)
        if n == 0:
            break
        done += n
        if work.called == 0:
            work.block_seconds, is_known = (fm_seconds() - start) / done, True
            team = threads_worthwhile(work.block_seconds * (work.n_blocks - done), n_threads)
    ended = fm_seconds()
    if work.called != 0:
        fm_dismiss_helpers(&call)
        work.seconds = fm_seconds() - work.called
        if done > work.alone:
            least = (ended - work.called) / (done - work.alone)
            work.block_seconds = min(least, work.block_seconds) if is_known else least
        # What the caller would have needed for others' blocks, less what it waited for them.
        work.gain = work.block_seconds * (work.n_blocks - done) - (work.called + work.seconds - ended)
        work.gain -= SECONDS_PER_CALL


cdef int _help(void *network, void *rows, void *work, int number, double waited) noexcept nogil:
    """Take a share of the blocks, as a helper does at a time; return 0 when it is to take no more.

    As long as it had to wait for a CPU it may have to wait again, and the caller with it: it leaves what is done by
    then.
    """
    cdef forward_work *blocks = <forward_work *> work
    if (blocks.n_blocks - fm_take(&blocks.taken, 0)) * blocks.block_seconds < waited:
        return 0
    return _take_share(<const packed_network *> network, <const row_source *> rows, blocks, number) > 0


cdef long _take_share(const packed_network *net, const row_source *X, forward_work *work, int number) noexcept nogil:
    """Do a share of the blocks that are left, up to one that check finds bad, the last that anybody takes.

    number is that of the thread in the pass. Returns how many blocks; 0 for no more.
    """
    cdef long block = fm_take(&work.taken, work.share), end = min(block + work.share, work.n_blocks), at
    cdef unsigned mode
    if block >= end:
        return 0
    mode = fm_denormals_flush()
    for at in range(block, end):
        if not _forward_block(net, X, work, at, work.scratch + number * work.scratch_bytes):
            fm_take(&work.bad, 1)
            fm_take(&work.taken, work.n_blocks)
            break
    fm_denormals_restore(mode)
    return end - block


cdef bint _forward_block(const packed_network *net, const row_source *X, const forward_work *work, long block,
                         char *scratch) noexcept nogil:
    """Take a block of rows through all layers; False when check finds it bad."""
    cdef long low = block * CACHED_ROWS, n = min(CACHED_ROWS, work.n - low), i
    cdef char *inputs = scratch + work.scratch_bytes // 2
    cdef char *outputs = scratch
    cdef const packed_layer *layer
    cdef Py_ssize_t row_bytes
    cdef fm_rows rows
    cdef fm_csr csr
    cdef fm_lookups lookups
    if work.check and not net.kernels.finite(n * X.n_features, X.base + (work.first + low) * X.row_bytes):
        return False
    if X.is_sparse:
        find_csr_rows(net, X, work.order, work.first + low, &csr)
    elif X.is_encoded:
        lookups = lookups_at(net, inputs, work.stride, 0, n)
        look_up_inputs(net, X, work.order, work.first + low, &lookups)
    else:
        gather_inputs(net, X, work.order, work.first + low, n, inputs, work.stride)
    for i in range(work.depth):
        layer = &net.layers[i]
        layer.kind.predict(net, layer, n, inputs, &csr if i == 0 and X.is_sparse else NULL, outputs, work.stride)
        inputs, outputs = outputs, inputs
        rows = rows_at(inputs, work.stride, n, layer.n_outputs)
        if work.hidden != NULL and work.hidden[i] != NULL:
            row_bytes = layer.n_outputs * net.itemsize
            net.kernels.scatter(&rows, work.hidden[i] + low * row_bytes, row_bytes)
    if work.linked:
        net.kernels.link[net.loss](&rows)
    net.kernels.scatter(&rows, work.out + low * work.width * net.itemsize, work.width * net.itemsize)
    return True
