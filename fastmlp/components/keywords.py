"""Keywords that are no parameters, and the parameters that are meant by them.

Users know the names that other libraries have, and mistype ours. Nothing here makes a wrong name work: each ends in an
error that says what to write.
"""

import difflib
from collections.abc import Iterable, Mapping


def plain(name: str) -> str:
    """Return a name in lower case and without underscores, hyphens and blanks, which people write differently.

    Examples
    --------
    >>> from fastmlp.components.keywords import plain
    >>> plain("Cosine-Annealing"), plain("cosine_annealing")
    ('cosineannealing', 'cosineannealing')
    """
    return "".join(filter(str.isalnum, name)).lower()


# The parameters that a name may mean which a parameter has in another library or in another class, by the name's plain
# form. The first of them that a class has is meant.
_ELSEWHERE: dict[str, tuple[str, ...]] = {
    each: meant
    for names, meant in {
        "lr eta eta0 alpha0 baselr maxlr initiallr initlr peaklr startlr learningrateinit learningratevalue rate"
        " learningratestart stepsizeinit maxlearningrate initiallearningrate": (
            "learning_rate_init",
            "learning_rate",
            "min_rate",
        ),
        "scheduler schedule lrscheduler lrschedule learningrateschedule lrpolicy": ("learning_rate", "schedule"),
        "wd weightdecay l2 l2reg l2regularization reg regularization reglambda lambd lambda lambdal2 penalty c"
        " kernelregularizer": ("weight_decay", "alpha"),
        "epochs nepochs numepochs maxepochs epoch iterations niter niterations numiterations maxiterations maxiters"
        " nestimators numiter nit nbepoch trainingepochs": ("max_iter", "n_steps"),
        "hiddenunits hiddenlayers hiddensizes hiddensize layers units hidden layersizes nhidden neurons numhidden"
        " dnnhiddenunits hiddendim hiddendims hiddenchannels hiddenlayersize hiddenlayer nunits nneurons width widths"
        " nlayers numlayers architecture layerunits sizes hiddenunitslist hiddenneurons nodes": ("hidden_layer_sizes",),
        "optimizer optimiser optim algorithm method trainingalgorithm optimizercls": ("solver",),
        "seed randomseed rng rngseed randomgenerator key": ("random_state",),
        "verbosity silent quiet disp progress progressbar showprogress logging verboseeval": ("verbose", "show"),
        "patience earlystoppingrounds earlystoppingpatience earlystoppinground niternochange nonimprovement"
        " stoppingrounds nwait": ("patience", "n_iter_no_change"),
        "validationsplit valfraction valsplit validationsize valsize testsize validationpercent holdout evalfraction"
        " validsize validationratio trainsplit": ("validation_fraction",),
        "batch minibatch minibatchsize bs batchlen batchrows": ("batch_size",),
        "activationfunction activationfn act actfn nonlinearity nonlin transferfunction activations hiddenactivation": (
            "activation",
        ),
        "criterion objective lossfunction lossfn lossfunc cost costfunction errorfunction": ("loss", "function"),
        "metrics metric evalmetric evalmetrics": ("scoring", "monitor"),
        "embeddingdim embeddim embdim embeddingsdim dembedding dembeddings embeddingwidth nembeddings embeddings"
        " embeddingunits": ("embedding_size",),
        "dropoutrate droprate dropoutp pdrop dropoutprob hiddendropout": ("dropout", "probability"),
        "inputdropoutrate": ("input_dropout",),
        "initializer kernelinitializer init weightinitialization weightinitializer initialization winit weightsinit": (
            "weight_init",
        ),
        "biasinitializer biasinitialization binit": ("bias_init",),
        "eps": ("epsilon",),
        "beta1 b1 betas": ("beta_1",),
        "beta2 b2": ("beta_2",),
        "nesterov nesterovsmomentum nesterovmomentum usenesterov": ("nesterovs_momentum", "nesterov"),
        "nthreads numthreads nthread threads nworkers numworkers workers threadcount ncores njob": ("n_jobs",),
        "clip clipnorm maxgradnorm gradclip gradclipnorm gradientclipping clipgradnorm gradnorm gradientclip"
        " globalclipnorm gradientclipval": ("gradient_clip_norm",),
        "clipvalue gradclipvalue clipgradvalue": ("gradient_clip_value",),
        "classweights weightsofclasses scaleposweight isunbalance balanced": ("class_weight",),
        "outputweights taskweights": ("loss_weights",),
        "l1reg lambdal1 l1regularization l1alpha regalpha": ("l1",),
        "batchnorm batchnormalization usebn bn layernorm layernormalization norm norma": ("normalization",),
        "skip skipconnection skipconnections residualconnection residualconnections useresidual residuals shortcut"
        " shortcuts useskip resnet": ("residual",),
        "tolerance mindelta threshold delta": ("min_delta", "tol"),
        "precision floatx computedtype": ("dtype",),
        "emadecay weightaverage averagedecay useema emamomentum averaging average polyak": ("ema",),
        "normalize scale standardise scaling scaleinputs scaler preprocess": ("standardize",),
        "augmentation augmenter transform transforms dataaugmentation": ("augment", "augmentations"),
        "callback": ("callbacks",),
        "validationdata evaldata validationset evalsets validset valdata valset devset": ("eval_set",),
        "xvalid xvalidation xeval xtest valx validx evalx validationx": ("X_val",),
        "yvalid yvalidation yeval ytest valy validy evaly validationy": ("y_val",),
        "valsampleweight validationsampleweight evalsampleweight sampleweighteval sampleweightvalid sampleweightevalset"
        " weightsval valweights validationweights evalweights": ("sample_weight_val",),
        "weights weight w sampleweights instanceweight": ("sample_weight", "class_weight"),
        "labels classlabels allclasses": ("classes",),
        "y label targetcolumn column ycolumn response dependent": ("target",),
        "navalues na nan missingvalues": ("missing",),
        "earlystop useearlystopping": ("early_stopping",),
        "noise noisestd inputnoisestd gaussiannoise": ("input_noise", "std"),
        "labelsmooth smoothing smooth": ("label_smoothing",),
        "warmstarting reuse": ("warm_start",),
        "unitnorm maxnormconstraint weightconstraint": ("max_norm",),
        "minlr etamin minimumlearningrate minrate lrmin": ("min_learning_rate", "final_rate", "min_rate"),
        "endlearningrate endlr finallr finallearningrate": ("final_rate", "max_rate"),
        "tmax totalsteps numtrainingsteps steps totaliters numsteps decaysteps length period t0": ("n_steps",),
        "warmupsteps numwarmupsteps warmup warmupepochs nwarmup": ("n_warmup_steps",),
        "gamma decay decayrate factorofdecay": ("factor", "rho", "power"),
        "alpha slope leak negslope": ("negative_slope", "quantile", "rho"),
        "beta d": ("delta",),
        "quantiles q tau level": ("quantile",),
        "exponent p": ("power", "power_t", "probability"),
        "sigma stddev stdev scaleofnoise standarddeviation": ("std",),
        "degrees": ("angle",),
        "shear": ("skew",),
        "pixels": ("shift",),
        "shape imagesize size": ("image_shape",),
        "filepath filename file fname dirpath": ("path",),
        "savebest bestonly monitorbest": ("save_best_only",),
        "restorebestweights restorebestmodel restore savebestweights": ("restore_best",),
        "direction": ("mode",),
        "frequency period_ saveevery everynepochs freq everyepochs stepsize": ("every",),
    }.items()
    for each in map(plain, names.split())
}


def meant_by(name: str, parameters: Iterable[str], guess: bool = True) -> str | None:
    """Return the parameter that somebody means by a name; None where there is no telling.

    Parameters
    ----------
    name : str
        The name that was written.
    parameters : iterable of str
        The names of the parameters that exist.
    guess : bool, default=True
        Whether a name that is only similar to a parameter's name means this parameter.

    Examples
    --------
    >>> from fastmlp.components.keywords import meant_by
    >>> meant_by("lr", ["learning_rate", "epsilon"]), meant_by("epsylon", ["learning_rate", "epsilon"])
    ('learning_rate', 'epsilon')
    """
    known = {plain(parameter): parameter for parameter in parameters}
    if plain(name) in known:
        return known[plain(name)]
    if plain(name) in _ELSEWHERE:  # a parameter with a similar name would mean something else
        return next((each for each in _ELSEWHERE[plain(name)] if each in known.values()), None)
    if not guess:
        return None
    near = difflib.get_close_matches(plain(name), known, n=1, cutoff=0.7)
    return known[near[0]] if near else None


def advice(name: str, parameters: Iterable[str], texts: Mapping[str, str]) -> str:
    """Return a sentence that says what to write instead of an unknown keyword; an empty text where there is no telling.

    Parameters
    ----------
    name : str
        The keyword.
    parameters : iterable of str
        The names of the parameters that exist.
    texts : mapping of str to str
        The sentence for each keyword that means no parameter, by the keyword's plain form.

    Examples
    --------
    >>> from fastmlp.components.keywords import advice
    >>> advice("lr", ["learning_rate"], {}), advice("GPU", ["learning_rate"], {"gpu": "There is none."})
    ("Did you mean 'learning_rate'?", 'There is none.')
    """
    if plain(name) in texts:
        return texts[plain(name)]
    meant = meant_by(name, parameters)
    return "" if meant is None else f"Did you mean {meant!r}?"


def unexpected(function: str, name: str, hint: str) -> TypeError:
    """Return the error for a keyword that a function does not take: the words are Python's, and a hint follows."""
    return TypeError(f"{function}() got an unexpected keyword argument {name!r}{f'. {hint}' if hint else ''}")
