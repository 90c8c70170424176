"""What the docstrings of TabularClassifier and TabularRegressor say alike, written once."""

#: The parameters that both have, in the form of a numpydoc section.
PARAMETERS = """\
effort : {"fast", "default", "best"}, default="default"
        How many members are trained, and of how many kinds.
    time_limit : float or None, default=None
        The seconds that ``fit`` may take, with what comes before the training and after it. Members get equal shares
        of what is left when they begin, and stop where they are after the epoch in which their time ends; kinds and
        folds for which there is none are left out, but for one epoch, or ten trees, of one member. So are folds of the
        importances, but for one; they leave a ModelCheckpoint the time in which to write the fitted estimator. A
        :class:`fastmlp.exceptions.TimeLimitWarning` says what was cut. With a limit, results depend on the machine.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Which columns are categories, beside texts: those whose type says so, none, or those named by a mask, by their
        places or by their names.
    max_categories : int, default=1000
        How many categories a column may have; the others count as missing.
    cv : int, splitter, iterable or None, default=None
        How many folds there are, each of which leaves out another share of the rows; or what makes them, such as
        ``TimeSeriesSplit()``; or pairs of places of rows to learn from and to leave out. None is the number that effort
        has: 8, with "fast" 4.
    scoring : str, callable or None, default=None
        What networks stop on, and which of their epochs is kept: None is the smallest loss; a name from scikit-learn's
        scorers, or a function of an estimator, X and y, is the largest score. How many boosted trees there are, and
        what members and kinds weigh, is a matter of the log loss in any case, or of the squared error of numbers, or of
        the pinball loss of quantiles. So it has no effect where there are boosted trees alone, as with "fast"; an
        :class:`fastmlp.exceptions.IgnoredParameterWarning` says so.
    callbacks : list of Callback or None, default=None
        The training of each network has copies of them; that of boosted trees has no epochs to call them in. Where
        there are boosted trees alone, as with "fast", an :class:`fastmlp.exceptions.IgnoredParameterWarning` says so. A
        :class:`fastmlp.callbacks.ModelCheckpoint` alone is not for members: it writes those that have been finished to
        its file, from which :meth:`resume` goes on, and the fitted estimator in the end. CSVLogger and LayerStatistics,
        which are for a single network, are refused: ``history_`` has the losses of each member by epoch.
    random_state : int, RandomState or None, default=None
    n_jobs : int or None, default=None
        How many members are trained side by side, each by one thread; None for as many as there are CPUs. Results do
        not depend on it.
    verbose : bool or int, default=False
        Whether a bar shows how many members have been trained."""

#: The attributes that both have once they are fitted.
ATTRIBUTES = """\
members_ : list of Member
        The networks that predict; those of boosted trees have no hidden layers.
    columns_ : TableColumns
        What is known of the table's columns. It is shown with a line for each, which says what it is read as;
        ``columns_.unused_`` has those that are not used, and why.
    history_ : list of dict
        What is known of each member's training.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if all columns' names are texts."""
