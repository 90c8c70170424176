"""What is said of keywords that other libraries' estimators for tables have, and these have not."""

from collections.abc import Mapping

#: A sentence for each, by the keyword's plain form.
ADVICE: Mapping[str, str] = {
    **dict.fromkeys(
        ("nestimators", "nmembers", "nmodels", "iterations", "numboostround", "numiterations", "maxiter", "epochs",
         "nepochs", "hiddenlayersizes", "learningrate", "learningrateinit", "lr", "batchsize", "depth", "maxdepth",
         "presets", "preset", "quality"),
        "How much is trained follows from effort='fast', 'default' or 'best', and from time_limit.",
    ),
    **dict.fromkeys(
        ("earlystopping", "earlystoppingrounds", "patience", "niternochange", "validationfraction"),
        "Members stop by the rows that they leave out; cv says how many do so, scoring by what.",
    ),
    **dict.fromkeys(
        ("validationdata", "evalset", "evalsets", "evals", "validationset", "xval", "yval", "sampleweightval"),
        "Rows to validate on go to fit: fit(X, y, X_val=..., y_val=...).",
    ),
    **dict.fromkeys(("sampleweight", "sampleweights"), "It goes to fit: fit(X, y, sample_weight=...)."),
    **dict.fromkeys(("groups", "group"), "They go to fit: fit(X, y, groups=...)."),
    **dict.fromkeys(("standardize", "scaler"), "Columns are scaled in any case."),
    **dict.fromkeys(("device", "gpu", "cuda", "usegpu"), "fastmlp computes on the CPU; n_jobs says on how many."),
    **dict.fromkeys(
        ("catfeatures", "categoricalfeature", "categoricalcolumns", "enablecategorical", "catcols"),
        "Did you mean 'categorical_features'?",
    ),
    **dict.fromkeys(
        ("timebudget", "maxtime", "timeout", "totaltimelimit", "timelimitsec"), "Did you mean 'time_limit'?"
    ),
    **dict.fromkeys(("nfolds", "folds", "nsplits", "nbagfolds"), "Did you mean 'cv'?"),
    **dict.fromkeys(("evalmetric", "metric", "metrics"), "Did you mean 'scoring'?"),
}  # fmt: skip
