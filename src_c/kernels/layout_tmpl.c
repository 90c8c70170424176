/* This file says where things lie in panels (include/fastmlp.h has the layout). */

#define FM_ROW(base, stride, panel, r) ((FM_REAL *)(base) + ((panel) * (stride) + (r)) * FM_PANEL)

/* Returns how many vectors of a panel so many columns reach into. */
FM_INLINE long FM(vectors_in_panel)(long columns) {
    return columns >= FM_PANEL ? FM_PANEL_VECTORS : (columns + FM_LANES - 1) / FM_LANES;
}

/* Returns where a panel's weights from an input on begin. Its biases follow the last input. In a turned layer the input
 * must begin a panel. */
FM_INLINE ptrdiff_t FM(place)(const fm_layer *layer, long panel, long input) {
    if (layer->turned)
        return (input + FM_PANEL - 1) / FM_PANEL * layer->outputs * FM_PANEL;
    return (panel * (layer->inputs + 1) + input) * FM_PANEL;
}

/* Returns how many inputs a strip has. */
FM_INLINE long FM(inputs_of_strip)(const fm_layer *layer) {
    return layer->turned ? FM_PANEL : FM_STRIP;
}

/* Returns how many strips a panel has. Even without inputs there is one, for the biases. */
FM_INLINE long FM(strips_of_panel)(const fm_layer *layer) {
    const long n =
        layer->turned ? (layer->inputs + FM_PANEL - 1) / FM_PANEL : (layer->inputs + FM_STRIP - 1) / FM_STRIP;
    return n ? n : 1;
}

/* Returns the input after the last of these strips. */
FM_INLINE long FM(last_input)(const fm_strips *strips) {
    const long end = strips->last * FM(inputs_of_strip)(strips->layer);
    return end < strips->layer->inputs ? end : strips->layer->inputs;
}

/* Returns where the squares of the strip that begins with an input go; or NULL. */
FM_INLINE double *FM(squares_of)(const fm_strips *strips, long panel, long input) {
    if (!strips->squares)
        return NULL;
    const long within = strips->layer->turned ? input / FM_PANEL : input / FM_STRIP;
    return strips->squares + panel * FM(strips_of_panel)(strips->layer) + within;
}

/* Returns how many vectors a row of a panel's weights, from an input on, fills. */
FM_INLINE long FM(vectors_from)(const fm_layer *layer, long panel, long input) {
    const int across = layer->turned && input < layer->inputs;
    return FM(vectors_in_panel)(across ? layer->inputs - input : layer->outputs - panel * FM_PANEL);
}
