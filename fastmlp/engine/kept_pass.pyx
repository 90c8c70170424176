"""Passes forward that are kept, so that gradients of their outputs can be taken back through the network.

A kept pass is a training step that is cut where the loss would be. Its plan has the row phases of a step: those on the
way forward, which end with the outputs, and those on the way back, which the caller's gradients of the outputs open.
The update phase follows them where the gradient of the parameters is wanted, or where the network shall learn. So the
results are those of a step, and do not depend on the number of threads.

A network that is the last of several has a loss of the engine's own. Its pass is not cut: it has targets, as in a step,
and gives the gradients of its inputs to the network before it.
"""

import numpy as np

cimport numpy as cnp
from cython.parallel cimport parallel, threadid
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from fastmlp.engine.layout cimport panels_of, plain_rows, rows_at, rows_of
from fastmlp.engine.memory cimport are_within, is_plain
from fastmlp.engine.native cimport (
    FM_PANEL_BYTES, fm_cpu_seconds, fm_denormals_flush, fm_denormals_restore, fm_rows, fm_seconds, fm_source,
)
from fastmlp.engine.objective cimport check_targets
from fastmlp.engine.plan cimport add_operation, wait_for_all_rows
from fastmlp.engine.rows cimport Rows
from fastmlp.engine.step cimport do_row_phases, do_update, plan_way_back, plan_way_forward, take_losses
from fastmlp.engine.structs cimport chunk_place, row_block, trained_layer, trained_part, training
from fastmlp.engine.teams cimport fm_team_size
from fastmlp.engine.trainer cimport Trainer

cnp.import_array()


# What the row operations of a kept pass read and write. Arrays of rows are in NumPy's order.
cdef struct pass_arrays:
    char *outputs                  # (rows, n_outputs)
    bint linked                    # whether they have passed the link
    const char *output_gradients   # (rows, n_outputs)
    char *input_gradients          # (rows, n_inputs)
    Py_ssize_t input_step          # bytes from one row of input_gradients to the next
    char *zero_means               # (1, n_inputs)
    # Buffers that the way forward fills and the way back turns into deltas: those of parts that are vectors. Here are
    # copies of what the way forward left.
    char **kept                    # (n_parts,): NULL for a matrix
    bint is_kept                   # whether the copies are made


cdef class KeptPass(Trainer):
    """A pass forward over a batch that is kept, so that gradients of its outputs can be taken back through the network.

    ahead() goes forward, and back() goes back, as often as one likes for the same outputs. meet() does both in one go,
    for the loss of targets. With a rule other than "gradient" each way back may be an update of the weights.

    Parameters
    ----------
    sizes, hidden, loss, dtype, n_threads, loss_options, output_weights, columns, isa
        As for Trainer. ahead() and back() use only the link of the loss.
    max_rows : int
        Rows of the largest batch.
    rule : str, default="gradient"
        As for Trainer: what updates the weights.
    uses_running : bool, default=True
        Whether batch normalisation takes the running moments, as predictions do, or those of the batch, towards which
        the running moments move then.
    regularization : object, default=None
        As for Trainer. Without a rule that updates weights, only the rates of dropout have a meaning.
    """

    cdef pass_arrays arrays
    cdef chunk_place chunk       # all rows of the pass
    cdef bint is_done            # whether there is a pass by the parameters as they are
    cdef bint learns             # whether the rule updates weights
    cdef char *input_deltas      # (max_rows, n_inputs); NULL before anybody asked for gradients of inputs
    cdef int forward_phases
    cdef readonly long max_rows

    def __init__(self, sizes, hidden, loss, dtype, *, max_rows, rule="gradient", n_threads=1, uses_running=True,
                 loss_options=(), output_weights=None, regularization=None, columns=None, isa=None):
        cdef long i
        cdef trained_part *part
        self.t.plan.open_way_back, self.t.plan.owner = _open_way_back, &self.arrays
        self.t.plan.uses_running = uses_running
        super().__init__(sizes, hidden, loss, dtype, rule=rule, max_batch=max_rows, n_threads=n_threads, split=False,
                         loss_options=loss_options, output_weights=output_weights, regularization=regularization,
                         columns=columns, isa=isa)
        self.max_rows, self.learns = max_rows, rule != "gradient"
        self.take_hyper(np.zeros((1, 1)))
        self.arrays.kept = <char **> self.memory.zeros(self.net.n_parts * sizeof(char *))
        for i in range(self.net.n_parts):
            part = &self.t.parts[i]
            if part.layer == NULL:
                self.arrays.kept[i] = self.memory.zeros(part.n_panels * self.t.plan.stride * FM_PANEL_BYTES)

    def load(self, params, slots=(), average=None):
        """Take the parameters; a pass that was made before is none of theirs."""
        super().load(params, slots, average)
        self.is_done = False

    def count_from(self, long step_count):
        """Have the next update, and the dropout of passes before it, be those that follow so many updates."""
        self.t.data.step_count = step_count

    def begin(self, *args, **kwargs):
        """Refuse passes of a training, which would go back without gradients."""
        raise TypeError("a kept pass has ahead(), back() and meet() in place of begin() and run()")

    def ahead(self, Rows rows not None, *, start=0, stop=None, order=None, linked=True, seed=0):
        """Go forward with rows start to stop, and keep what the way back needs.

        Parameters
        ----------
        rows : Rows
        start, stop : int
            The first of the rows, and the one behind the last (None: all that there are); from 1 to max_rows of them.
        order : ndarray of int64 of shape (n_rows,), default=None
            The numbers of the rows, instead of start and stop.
        linked : bool, default=True
            Whether the outputs have passed the link.
        seed : int, default=0
            Of dropout.

        Returns
        -------
        outputs : ndarray of shape (stop - start, n_outputs)
        """
        cdef long first = start, end = rows.source.n_rows if stop is None else stop
        if order is not None:
            first, end = 0, len(order)
        self.choose_rows(rows, first, end, order)
        self.data_arrays = (rows, order)  # which must live as long as the pass
        self.t.plan.seed, self.arrays.linked = seed, linked
        outputs = np.empty((end - first, self.net.n_outputs), dtype=self.dtype)
        self.arrays.outputs = <char *> cnp.PyArray_DATA(outputs)
        self.plan(False)
        self.go(0, self.forward_phases, False)
        self.is_done = True
        return outputs

    def back(self, output_gradients, params=None, inputs=None, *, hyper=None, double weight=1):
        """Take gradients of the outputs before their link back, for the rows that ahead() went forward with last.

        Parameters
        ----------
        output_gradients : ndarray of shape (n_rows, n_outputs)
            Contiguous, of the network's type.
        params : ndarray of shape (n_params,), default=None
            Where the gradient of the parameters goes, summed over the rows; None: nobody wants it.
        inputs : ndarray of shape (n_rows, n_inputs), default=None
            Where the gradients of the inputs go, as the caller gave them, before their scaling. Each row is contiguous,
            but the rows need not follow each other. None: nobody wants them.
        hyper : ndarray, default=None
            The rule's hyperparameters, one row of them, for an update of the weights; there is no pass by them then.
            None: the weights stay.
        weight : float, default=1
            What the sums over rows are divided by.
        """
        cdef long n = self.chunk.end - self.chunk.start
        if not self.is_done:
            raise ValueError("ahead() comes before back()")
        if not (is_plain(output_gradients) and output_gradients.dtype == self.dtype
                and output_gradients.shape == (n, self.net.n_outputs)):
            raise ValueError(f"output_gradients must be a contiguous {self.dtype} array of shape"
                             f" {(n, self.net.n_outputs)}")
        self.check_results(params, inputs, hyper, weight)
        self.arrays.output_gradients = <const char *> cnp.PyArray_DATA(output_gradients)
        self.plan(inputs is not None)
        self.chunk.weight = weight
        self.go(self.forward_phases, self.t.plan.n_row_phases, params is not None or hyper is not None)
        self.arrays.is_kept = True
        self.finish(params, hyper)

    def meet(self, Rows rows not None, targets, weights=None, *, order=None, params=None, inputs=None, hyper=None,
             double weight=1, seed=0):
        """Take the losses of rows, and the slopes of their sum back as far as anybody wants them.

        Parameters
        ----------
        rows : Rows
        targets, weights
            As for Trainer.attach.
        order : ndarray of int64 of shape (n_rows,), default=None
            The numbers of the rows; None for all there are. From 1 to max_rows of them.
        params, inputs, hyper, weight
            As for back(): where the gradients of the sum of the losses go, and an update by them. Without any of these
            nothing is taken back.
        seed : int, default=0
            Of dropout.

        Returns
        -------
        losses : ndarray of float64 of shape (n_rows,)
            The losses of the rows, times their weights.
        """
        cdef long n = rows.source.n_rows
        cdef bint updates = params is not None or hyper is not None
        order = np.arange(n) if order is None else order
        self.check_results(params, inputs, hyper, weight, len(order))
        check_targets(self.net.loss, self.dtype, targets, weights, n, self.net.n_outputs)
        self.choose_rows(rows, 0, len(order), order)
        self.data_arrays = (rows, order, targets, weights)
        self.t.data.targets = cnp.PyArray_DATA(targets)
        self.t.data.weights = NULL if weights is None else <const double *> cnp.PyArray_DATA(weights)
        self.t.plan.seed = seed
        self.chunk.weight = weight
        self.ask_for_inputs(inputs is not None)
        plan_way_forward(&self.t)
        add_operation(&self.t, take_losses, self.t.layers + self.net.n_layers - 1)
        if updates or inputs is not None:
            self.plan_back(inputs is not None)
        self.go(0, self.t.plan.n_row_phases, updates)
        losses = np.empty(len(order))
        memcpy(cnp.PyArray_DATA(losses), self.t.scratch.row_losses, losses.nbytes)
        self.finish(params, hyper)
        return losses

    cdef int choose_rows(self, Rows rows, long first, long end, order) except -1:
        """Take the only chunk of the only pass over rows, those that order names or those from first to before end."""
        cdef long n_rows = rows.source.n_rows
        self.check_rows(rows)
        if order is not None:
            if not (is_plain(order) and order.dtype == np.int64 and order.ndim == 1 and 1 <= end <= self.max_rows
                    and are_within(<const int64_t *> cnp.PyArray_DATA(order), end, n_rows)):
                raise ValueError(f"order must have from 1 to {self.max_rows} numbers of rows, contiguous int64 from 0"
                                 f" to {n_rows - 1}")
        elif not 0 <= first < end <= min(n_rows, first + self.max_rows):
            raise ValueError(f"expected from 1 to {self.max_rows} of {n_rows} rows, got start={first} and stop={end}")
        self.is_done = self.arrays.is_kept = False
        self.attach_rows(rows)
        self.t.data.order = NULL if order is None else <const int64_t *> cnp.PyArray_DATA(order)
        self.t.data.n_passes, self.t.data.n_rows, self.t.progress.position = 1, end, end
        self.chunk.start = self.chunk.batch_start = first
        self.chunk.end = self.chunk.batch_end = end
        self.chunk.weight, self.chunk.step_number = 1, self.t.data.step_count + 1
        return 0

    cdef int check_results(self, params, inputs, hyper, double weight, n=None) except -1:
        """Refuse arrays that gradients do not fit into, for n rows or those of the pass; take the hyperparameters."""
        cdef long n_inputs = self.net.layers[0].n_inputs
        n = self.chunk.end - self.chunk.start if n is None else n
        if inputs is not None:
            if self.columns is not None:
                raise ValueError("codes of encoded columns have no gradients")
            if not (inputs.dtype == self.dtype and inputs.shape == (n, n_inputs) and inputs.flags.writeable
                    and inputs.flags.aligned and (n_inputs == 1 or inputs.strides[1] == self.net.itemsize)):
                raise ValueError(f"inputs must be a {self.dtype} array of shape {(n, n_inputs)} with contiguous rows")
            self.arrays.input_step = inputs.strides[0]
            self.arrays.input_gradients = <char *> cnp.PyArray_DATA(inputs)
        if params is not None:
            self.flat_to_write(params)
        if not weight > 0:
            raise ValueError(f"weight must be greater than 0, got {weight}")
        if (params is not None and self.learns) or (hyper is not None and not self.learns):
            raise ValueError("params is for the rule 'gradient', and hyper is for all others")
        if hyper is not None:
            hyper = np.atleast_2d(hyper)
            if len(hyper) != 1:
                raise ValueError(f"expected one row of hyperparameters, got {len(hyper)}")
            self.take_hyper(hyper)
        return 0

    cdef int finish(self, params, hyper) except -1:
        """Hand the gradient over, or count an update, by whose weights there is no pass."""
        if params is not None:
            self.store(None, [params])
        if hyper is not None:
            self.t.data.step_count += 1
            self.is_done = False
        return 0

    cdef int plan(self, bint to_inputs) except -1:
        """Plan both ways, the way back up to the inputs where their gradients are wanted."""
        cdef training *t = &self.t
        cdef trained_layer *last = t.layers + self.net.n_layers - 1
        self.ask_for_inputs(to_inputs)
        plan_way_forward(t)
        add_operation(t, _give_outputs, last)
        self.forward_phases = t.plan.n_row_phases
        wait_for_all_rows(t, t.plan.open_way_back, last)
        return self.plan_back(to_inputs)

    cdef int ask_for_inputs(self, bint to_inputs) except -1:
        """Have the first layer choose its products, with or without the one that makes gradients of the inputs."""
        cdef trained_layer *first = self.t.layers
        cdef long n_panels = panels_of(&self.net, first.packed.n_inputs)
        if to_inputs and self.input_deltas == NULL:
            self.input_deltas = self.memory.zeros(n_panels * self.t.plan.stride * FM_PANEL_BYTES)
            self.arrays.zero_means = self.memory.zeros(n_panels * FM_PANEL_BYTES)
        first.input_deltas = self.input_deltas if to_inputs else NULL
        return first.packed.kind.choose_products(&self.t, first, self.memory)

    cdef int plan_back(self, bint to_inputs) except -1:
        """Plan the way back, up to the inputs where their gradients are wanted."""
        plan_way_back(&self.t)
        if to_inputs:
            add_operation(&self.t, _give_input_gradients, self.t.layers)
        return 0

    cdef int go(self, int first, int end, bint updates) except -1:
        """Do the row phases from first to before end, and with updates the update phase, all threads together."""
        cdef training *t = &self.t
        cdef double start = fm_seconds(), cpu_seconds
        t.progress.failed = False
        if self.works_alone(start):
            # Without OpenMP: a process forked from one that had a team must not enter it.
            with nogil:
                _do_phases(t, first, end, updates, &self.chunk, 0, 1)
        else:
            with nogil:
                cpu_seconds = -fm_cpu_seconds()
                with parallel(num_threads=t.plan.n_slices):
                    _do_phases(t, first, end, updates, &self.chunk, threadid(), fm_team_size())
                cpu_seconds += fm_cpu_seconds()
            self.judge_team(start, cpu_seconds)
        self.raise_error()
        return 0


cdef void _do_phases(training *t, int first, int end, bint updates, const chunk_place *chunk, int thread,
                     int team) noexcept nogil:
    """Do what go() does, as one thread of a team."""
    cdef unsigned mode = fm_denormals_flush()
    do_row_phases(t, first, end, chunk, thread, team)
    if updates:
        do_update(t, chunk, thread, team)
    fm_denormals_restore(mode)


# ---- row operations --------------------------------------------------------------------------------------------------

cdef void _give_outputs(training *t, trained_layer *last, const row_block *rows) noexcept nogil:
    """Row operation: write the outputs. The panels they are taken from are the last layer's deltas on the way back."""
    cdef const pass_arrays *arrays = <const pass_arrays *> t.plan.owner
    cdef Py_ssize_t row_bytes = t.network.n_outputs * t.network.itemsize
    cdef fm_rows outputs = rows_of(t, last.outputs, rows, t.network.n_outputs)
    if arrays.linked:
        t.network.kernels.link[t.network.loss](&outputs)
    t.network.kernels.scatter(&outputs, arrays.outputs + rows.low * row_bytes, row_bytes)


cdef void _open_way_back(training *t, trained_layer *last, const row_block *rows) noexcept nogil:
    """Opening: read the gradients of a slice's outputs, and restore what an earlier way back turned into deltas."""
    cdef pass_arrays *arrays = <pass_arrays *> t.plan.owner
    cdef Py_ssize_t row_bytes = t.network.n_outputs * t.network.itemsize, offset
    cdef long n = rows.high - rows.low, i, panel
    cdef fm_source gradients = plain_rows(arrays.output_gradients + rows.low * row_bytes, row_bytes)
    cdef fm_rows deltas = rows_at(last.deltas + rows.low * FM_PANEL_BYTES, t.plan.stride, n, t.network.n_outputs)
    cdef const trained_part *part
    t.network.kernels.gather[t.network.element](&gradients, &deltas)
    for i in range(t.network.n_parts):
        part = &t.parts[i]
        if arrays.kept[i] == NULL:
            continue
        for panel in range(part.n_panels):
            offset = (panel * t.plan.stride + rows.low) * FM_PANEL_BYTES
            if arrays.is_kept:
                memcpy(part.deltas + offset, arrays.kept[i] + offset, n * FM_PANEL_BYTES)
            else:
                memcpy(arrays.kept[i] + offset, part.deltas + offset, n * FM_PANEL_BYTES)


cdef void _give_input_gradients(training *t, trained_layer *first, const row_block *rows) noexcept nogil:
    """Row operation: write the gradients of the inputs, as they were before their scaling."""
    cdef const pass_arrays *arrays = <const pass_arrays *> t.plan.owner
    cdef fm_rows deltas = rows_of(t, first.input_deltas, rows, first.packed.n_inputs)
    if t.network.input_is_scaled:
        t.network.kernels.standardize(&deltas, arrays.zero_means, t.network.input_scales)
    t.network.kernels.scatter(&deltas, arrays.input_gradients + rows.low * arrays.input_step, arrays.input_step)
