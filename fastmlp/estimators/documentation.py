"""What the docstrings of the classifier and the regressor say alike, written once."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)

#: The parameters that both have, in the form of a numpydoc section.
PARAMETERS = """\
hidden_layer_sizes : int or array-like of int, default=(100,)
        The number of units of each hidden layer; () gives a linear model.
    activation : str, Activation, or a list with one per hidden layer, default='relu'
        The activation of the hidden layers: a name from ``fastmlp.activations.ACTIVATIONS`` ('identity', 'logistic',
        'tanh', 'relu', 'leaky_relu', 'gelu', ...) or an object of :mod:`fastmlp.activations`. Everyday names are
        understood for this parameter and for all others that take names ('sigmoid' is 'logistic', 'MSE' is
        'squared_error'); get_params, reprs and files have the one name of each thing.
    solver : str, Optimizer or LBFGS, default='adam'
        The optimizer: a name from ``fastmlp.optimizers.OPTIMIZERS`` ('sgd', 'adam', 'adamw', 'rmsprop', 'lion', 'muon',
        ...) or an object of :mod:`fastmlp.optimizers`. 'lbfgs' sees all samples at once; the others go through
        minibatches. Beside an object, its own parameters count (``solver__learning_rate`` in a search), and an
        :class:`fastmlp.exceptions.IgnoredParameterWarning` names those of the estimator that are set in vain.
    alpha : float, default=0.0001
        Strength of the L2 penalty, alpha / 2 times the sum of the squared weights divided by the batch's size.
    batch_size : int or 'auto', default='auto'
        The number of samples in a minibatch; 'auto' is min(200, n_samples), and for Rprop n_samples.
    learning_rate : str, Schedule or callable, default='constant'
        How the learning rate of a solver given by name changes. 'constant', 'invscaling' and 'adaptive' are
        scikit-learn's, and change 'sgd' only. invscaling: learning_rate_init / (samples seen + 1)^power_t, set after
        each epoch. adaptive: divided by five whenever n_iter_no_change epochs bring no improvement. Other names from
        ``fastmlp.schedules.SCHEDULES`` ('cosine', 'one_cycle', 'linear', ...) begin at, or reach, learning_rate_init;
        an object of :mod:`fastmlp.schedules`, or a function of the step (from 0), says all by itself. Where a schedule
        has a length and is not told it, it is that of max_iter epochs, for partial_fit too: what comes after goes on
        with its last rate, which a ScheduleEndedWarning says where that is next to nothing.
    learning_rate_init : float, default=0.001
        The learning rate of a solver given by name, or that which a schedule given by name begins at or reaches.
    power_t : float, default=0.5
        The exponent of learning_rate='invscaling'.
    max_iter : int, default=200
        The largest number of epochs (for solver='lbfgs': of iterations).
    shuffle : bool, default=True
        Whether each epoch visits the samples in a new order.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, validation split, order of samples, dropout, noise and augmentation.
    tol : float, default=1e-4
        Smaller improvements of the loss (or validation score) do not count; for solver='lbfgs' it is the tolerance of
        the gradient.
    verbose : bool or int, default=False
        1 shows a progress bar in a terminal or a notebook; True, and more than 1, print each epoch's loss.
    warm_start : bool, default=False
        Whether fit goes on from the solution of the fit before.
    momentum : float in [0, 1], default=0.9
        The momentum of solver='sgd'.
    nesterovs_momentum : bool, default=True
        Whether solver='sgd' uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to hold out samples, stop when their score stops improving, and keep the best weights. A score that is
        no finite number is never the best. Not with lbfgs.
    validation_fraction : float in [0, 1), default=0.1
        The share of the samples that early_stopping holds out.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay of the moments, for 'adam' and its kin by name.
    epsilon : float, default=1e-8
        What 'adam' and its kin by name add to the root of the second moment.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before a solver by minibatches stops. The default, 10, stops nothing where a callback
        is there to end the fit (EarlyStopping); any other number holds beside it.
    max_fun : int, default=15000
        The largest number of evaluations of loss and gradient by solver='lbfgs'.
    n_jobs : int or None, default=None
        The number of threads. None is what machine, cgroup, affinity, OMP_NUM_THREADS and threadpoolctl allow, fewer
        when the work is too small to share, or other processes keep the CPUs busy; a positive number is taken as it is;
        -1 is all CPUs, for predictions at most all. The results do not depend on it.
    dtype : {'auto', 'float32', 'float64', 'bfloat16'} or type, default='auto'
        Type of the computation and the weights; np.float32 is 'float32'. 'auto' is float32 for float32 samples and
        float64 for all others. 'bfloat16' is float32 but for the numbers that training multiplies, which are rounded to
        8 significant bits (not those of CSR samples): several times faster on wide layers where the CPU has such
        products (AMX, AVX-512 BF16).
    loss_weights : array-like of shape (n_outputs,), default=None
        The factor of each output's loss, where there are several outputs.
    weight_init, bias_init : str, Initializer or callable, default='auto'
        Initial weights and biases: a name from ``fastmlp.initializers.INITIALIZERS`` ('he_normal', 'glorot_uniform',
        'orthogonal', ...), an object of :mod:`fastmlp.initializers`, or called as (rng, fan_in, fan_out, dtype).
        'auto' is scikit-learn's; beside another weight_init, biases begin at 0.
    l1 : float, default=0.0
        Strength of the L1 penalty, l1 times the sum of the weights' sizes divided by the batch's size.
    standardize : bool, default=False
        Whether each feature is centred and scaled to unit variance as samples are read; sparse X is only scaled. No
        copy of X is made. Samples count as their weights say. What is known of the features is kept from the first fit
        or partial_fit.
    normalization : {'batch', 'layer'} or None, default=None
        The normalization of each hidden layer's products, before the activation: over the batch (with running moments
        in predictions), or over the layer's units. A sample counts in the batch's moments as much as it weighs, by
        sample_weight and class_weight together.
    residual : bool, default=False
        Whether each hidden layer adds what it computes to its inputs: h + f(h) in place of f(h), f being product,
        normalization and activation. Where a layer's width is not that of the one below, its inputs are multiplied by
        ``projections_`` first, which are penalised as weights. Networks of many layers learn with it that learn nothing
        without. dropout then drops of what f and the output layer read; what is added goes on whole.
    embedding_size : int or None, default=None
        Only for X of :class:`fastmlp.inputs.columns.EncodedColumns`: the number of units, a multiple of 4, that each
        column has of its own in a layer before those of hidden_layer_sizes: the column's embedding. It has the
        activation of the first hidden layer and no normalization, and input_dropout is that of its outputs. Its weights
        have the shape (n_features_in_, embedding_size), and its biases (n_columns * embedding_size,). None is for a
        first hidden layer to whose units all columns add.
    dropout : float in [0, 1), or a list with one per hidden layer, default=0.0
        The share of the hidden layers' outputs that is dropped in training; what stays is divided by 1 - dropout.
    input_dropout : float in [0, 1), default=0.0
        The share of the inputs that is dropped in training; what stays is divided by 1 - input_dropout.
    input_noise : float, default=0.0
        Standard deviation of normal noise on the inputs in training, after standardize. Dense X only.
    gradient_clip_norm : float or None, default=None
        The largest norm of the gradient of all parameters; longer ones are shortened.
    gradient_clip_value : float or None, default=None
        The largest size of an element of the gradient.
    max_norm : float or None, default=None
        The largest norm of a hidden unit's incoming weights, kept after each step.
    ema : float in (0, 1) or None, default=None
        How much of the average of the parameters over the steps stays in each step (0.999, say); predictions, and
        validation scores, are then made with that average.
    augment : str, Augmentation or callable, default=None
        What changes each batch at random before it is learned from: a name from ``fastmlp.augmentation.AUGMENTATIONS``,
        an object of :mod:`fastmlp.augmentation`, or called as (X, y, rng) -> (X, y), y being the targets as a matrix
        (indicators of classes). What moves or mixes samples takes their weights, too, as a parameter sample_weight; see
        :class:`fastmlp.augmentation.Augmentation`. Dense X only; goes through Python for each batch.
    callbacks : list of Callback, default=None
        What watches and steers the fit: objects of :mod:`fastmlp.callbacks` (EarlyStopping, ModelCheckpoint, ...).
    scoring : str, callable, list, tuple, dict or None, default=None
        The scores of eval_set, or of the samples held out, in ``history_``: names or objects of scikit-learn's scorers,
        one or several. None is the accuracy, or R^2, under the name "score". early_stopping watches the first."""

#: The attributes that both have once they are fitted.
ATTRIBUTES = """\
coefs_, intercepts_ : list of ndarray
        Each layer's weights (n_in, n_out) and biases (n_out,).
    loss_ : float
        Loss of the last epoch.
    loss_curve_ : list of float
        Loss of each epoch (solvers by minibatches).
    best_loss_ : float or None
        The lowest of the losses; None with early stopping (solvers by minibatches).
    validation_scores_ : list of float or None
        Score of the held-out samples after each epoch; None without early stopping (solvers by minibatches).
    best_validation_score_ : float or None
        The highest of these scores (solvers by minibatches).
    history_ : dict of str to list of float
        "loss", "learning_rate", "seconds" of each epoch (of solver='lbfgs': of each iteration of the last fit), then,
        for each set of eval_set, "<set>_loss" and its scores; NaN for epochs in which something was not recorded.
        ``pandas.DataFrame(model.history_)`` is a table of it.
    n_iter_ : int
        Epochs (iterations) of the last fit.
    t_ : int
        Samples seen in training.
    n_layers_, n_outputs_ : int
        The number of layers, input and output included, and the number of outputs.
    out_activation_ : str
        Activation of the output layer.
    n_features_in_ : int
        Features seen in fit; of EncodedColumns the inputs that all columns stand for.
    columns_layout_ : ColumnsLayout
        The layout of the columns, when X was EncodedColumns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the features, when X had names that are all strings.
    gains_, activation_parameters_, projections_, running_moments_ : list
        What else the network has, where it has it: for each hidden layer the gains of its normalization, the learned
        parameters of its activation, by what it multiplies the inputs it adds, mean and variance of batch
        normalization. See
        :class:`fastmlp.network.Network`.
    input_means_, input_scales_ : ndarray of shape (n_features_in_,)
        What inputs are centred by and multiplied with, where they are."""


def documented(parameters: str, attributes: str) -> Callable[[_Class], _Class]:
    """Return what puts the texts of a family into a class's docstring, in the places of {parameters} and {attributes}.

    The types of the parameters stand in the docstring alone: signatures in help and notebooks have no room for them.
    """

    def with_texts(cls: _Class) -> _Class:
        text = cls.__doc__ or ""
        cls.__doc__ = text.replace("{parameters}", parameters).replace("{attributes}", attributes)
        init: Any = vars(cls)["__init__"]
        init.__signature__ = inspect.Signature(
            [each.replace(annotation=each.empty) for each in inspect.signature(init).parameters.values()]
        )
        return cls

    return with_texts
