/* Where things lie in panels (include/fastmlp.h has the layout). */

#define FM_ROW(base, stride, panel, r) ((FM_REAL *)(base) + ((panel) * (stride) + (r)) * FM_PANEL)

/* Vectors of a panel that columns reach into. */
FM_INLINE long FM(vectors_in_panel)(long columns) {
    return columns >= FM_PANEL ? FM_PANEL_VECTORS : (columns + FM_LANES - 1) / FM_LANES;
}

/* Where a panel's weights from an input on begin, and its biases, which follow the last input. In a turned layer inputs
 * begin panels. */
FM_INLINE ptrdiff_t FM(place)(const fm_layer *layer, long panel, long input) {
    if (layer->turned)
        return (input + FM_PANEL - 1) / FM_PANEL * layer->outputs * FM_PANEL;
    return (panel * (layer->inputs + 1) + input) * FM_PANEL;
}

/* The inputs of a strip; in a turned layer they are the panel of inputs that one vector of weights runs along. */
FM_INLINE long FM(inputs_of_strip)(const fm_layer *layer) {
    return layer->turned ? FM_PANEL : FM_STRIP;
}

/* Strips of a panel, of which there is one even where there are no inputs: its biases'. */
FM_INLINE long FM(strips_of_panel)(const fm_layer *layer) {
    const long n =
        layer->turned ? (layer->inputs + FM_PANEL - 1) / FM_PANEL : (layer->inputs + FM_STRIP - 1) / FM_STRIP;
    return n ? n : 1;
}

/* The input after the last of these strips. */
FM_INLINE long FM(last_input)(const fm_strips *strips) {
    const long end = strips->last * FM(inputs_of_strip)(strips->layer);
    return end < strips->layer->inputs ? end : strips->layer->inputs;
}

/* Where the squares of one strip, the one that begins with this input, go; or NULL. */
FM_INLINE double *FM(squares_of)(const fm_strips *strips, long panel, long input) {
    if (!strips->squares)
        return NULL;
    const long within = strips->layer->turned ? input / FM_PANEL : input / FM_STRIP;
    return strips->squares + panel * FM(strips_of_panel)(strips->layer) + within;
}

/* Vectors that a panel's weights from an input on fill. */
FM_INLINE long FM(vectors_from)(const fm_layer *layer, long panel, long input) {
    const int across = layer->turned && input < layer->inputs;
    return FM(vectors_in_panel)(across ? layer->inputs - input : layer->outputs - panel * FM_PANEL);
}
