/* This file has a layer's products with operands of bfloat16 terms. Sums, weights and everything else stay float32. */
/* Multiplies a block without the hardware's help, slowly. */
FM_INLINE floats FM(plain_sum)(floats sum, const uint32_t *a, const words *b) {
    for (long p = 0; p < FM_PAIRS; p++) {
        const uint32_t first = a[p] << 16, second = a[p] & 0xffff0000u;
        FM_REAL x, y;
        memcpy(&x, &first, sizeof x);
        memcpy(&y, &second, sizeof y);
        sum += x * (floats)(b[p] << 16);
        sum += y * (floats)(b[p] & 0xffff0000u);
    }
    return sum;
}

static void FM(bfloat16_multiply)(const fm_block_product *product) {
    const int terms = product->terms;
    for (long r = 0; r < product->rows; r++)
        for (long half = 0; half < product->halves; half++) {
            floats sum = {0};
            if (product->start)
                memcpy(&sum, product->start + r * product->start_step + half * FM_PAIRS, sizeof sum);
            const words *a = (const words *)product->left + r, *b = (const words *)product->right + half * FM_PAIRS;
            for (int small = terms > 1; small >= 0; small--)
                for (long k = 0; k < product->blocks; k++) {
#define FM_ADD_PAIR(left_term, right_term)                                                 \
    sum = FM(plain_sum)(sum, (const uint32_t *)(a + (k * terms + (left_term)) * FM_BLOCK), \
                        b + (k * terms + (right_term)) * FM_BLOCK);
                    if (small) {
                        FM_SMALL_PAIRS(FM_ADD_PAIR)
                    } else {
                        FM_ADD_PAIR(0, 0)
                    }
#undef FM_ADD_PAIR
                }
            memcpy(product->out + r * product->out_step + half * FM_PAIRS, &sum, sizeof sum);
        }
}

static void FM(nothing)(void) {
}

static const fm_bfloat16_product FM(plain_product) = {1, FM(nothing), FM(nothing), FM(bfloat16_multiply)};

FM_INLINE const fm_bfloat16_product *FM(product)(void) {
    const fm_bfloat16_product *chosen = FM_HAS_BFLOAT16 ? fm_bfloat16_chosen() : NULL;
    return chosen ? chosen : &FM(plain_product);
}

/* Does what dense() does, with operands in terms. Where there is no right operand, it is made here, panel by panel, in
 * scratch. */
static void FM(bfloat16_dense)(const fm_bfloat16_operands *operands, const fm_matrix *b, const fm_rows *c,
                               const fm_after *after) {
    const fm_bfloat16_product *hardware = FM(product)();
    const int terms = operands->terms;
    const long depth = b->depth, blocks = (depth + FM_BLOCK - 1) / FM_BLOCK;
    const long rows = c->rows, row_blocks = (rows + FM_BLOCK - 1) / FM_BLOCK;
    const ptrdiff_t block_bytes = terms * FM_BLOCK_BYTES;
    hardware->begin();
    for (long panel = 0; panel * FM_PANEL < c->width; panel++) {
        const FM_REAL *b_panel = (const FM_REAL *)b->at + panel * b->panel_rows * FM_PANEL;
        fm_soon soon = {0};
        fm_block_product product = {
            .terms = terms,
            .halves = c->width - panel * FM_PANEL > FM_PAIRS ? 2 : 1,
            .blocks = blocks,
            .right = operands->right ? (const char *)operands->right + panel * blocks * block_bytes : operands->scratch,
            .start = b->biased ? b_panel + depth * FM_PANEL : NULL,
            .out_step = FM_PANEL,
            .soon = &soon,
        };
        if (!operands->right)
            for (long row = 0; row < depth; row += FM_BLOCK) {
#define FM_BODY(n) FM(right_block)(depth - row, b_panel + row * FM_PANEL, n, (words *)operands->scratch + row * n)
                FM_TERMS_CASES(terms, FM_BODY);
#undef FM_BODY
            }
        for (long row = 0; row < rows; row += FM_BLOCK) {
            const long offset = (panel * c->stride + row) * FM_PANEL;
            if (!operands->right && (panel + 1) * FM_PANEL < c->width) { /* asks for a share of the next panel of b */
                soon.read_bytes = depth / row_blocks * FM_PANEL_BYTES;
                soon.read = (const char *)(b_panel + b->panel_rows * FM_PANEL) + row / FM_BLOCK * soon.read_bytes;
            }
            product.rows = rows - row < FM_BLOCK ? rows - row : FM_BLOCK;
            product.left = (const char *)operands->left + row / FM_BLOCK * blocks * block_bytes;
            product.out = (FM_REAL *)c->at + offset;
            hardware->multiply(&product);
            FM(finish_rows)(after, panel, product.rows, c->at, offset);
        }
    }
    hardware->end();
}

/* Returns the places that finish() will write to. */
FM_INLINE fm_soon FM(soon_written)(const fm_layer *layer, long panel, long row, long rows) {
    const ptrdiff_t offset = FM(place)(layer, panel, row);
    fm_soon soon = {.written_bytes = rows * FM_PANEL_BYTES};
    soon.written[soon.n_written++] = (const char *)((const FM_REAL *)layer->weights + offset);
    for (int i = 0; i < FM_MAX_SLOTS; i++)
        if (layer->slots[i])
            soon.written[soon.n_written++] = (const char *)((const FM_REAL *)layer->slots[i] + offset);
    return soon;
}

/* Does what update_dense() does, for whole blocks of inputs and several panels. The blocks of several panels' deltas
 * stay in the second-level cache while all the activations go by. */
#define FM_PANELS_PART 8
static void FM(bfloat16_update)(const fm_strips *strips, const fm_bfloat16_batch *batch, const fm_rows *deltas) {
    const fm_bfloat16_product *hardware = FM(product)();
    const fm_layer *layer = strips->layer;
    const fm_step *step = strips->step;
    const ptrdiff_t panel_bytes = batch->blocks * layer->terms * FM_BLOCK_BYTES;
    const long last = FM(last_input)(strips);
    FM_REAL sums[FM_BLOCK * FM_PANEL] __attribute__((aligned(FM_LINE_BYTES)));
    memset(sums, 0, sizeof sums);
    hardware->begin();
    for (long part = strips->panel; part < strips->panel_end; part += FM_PANELS_PART) {
        const long part_end = part + FM_PANELS_PART < strips->panel_end ? part + FM_PANELS_PART : strips->panel_end;
        for (long first = strips->first * FM_STRIP; first < last; first += FM_BLOCK) {
            const long n = last - first < FM_BLOCK ? last - first : FM_BLOCK;
            const char *left = (const char *)batch->columns + first / FM_BLOCK * panel_bytes;
            for (long panel = part; panel < part_end; panel++) {
                fm_soon soon = {0};
                if (step->last)
                    soon = FM(soon_written)(layer, panel, first, n);
                if (first + n < last) { /* asks for a share of the activations of the next inputs */
                    soon.read_bytes = panel_bytes / (part_end - part) & -FM_LINE_BYTES;
                    soon.read = left + panel_bytes + (panel - part) * soon.read_bytes;
                }
                const fm_block_product product = {
                    .terms = layer->terms,
                    .halves = layer->outputs - panel * FM_PANEL > FM_PAIRS ? 2 : 1,
                    .rows = n,
                    .blocks = (deltas->rows + FM_BLOCK - 1) / FM_BLOCK,
                    .left = left,
                    .right = (const char *)batch->right + panel * panel_bytes,
                    .start = FM(start_of)(layer, panel, first, step),
                    .start_step = FM_PANEL,
                    .out = sums,
                    .out_step = FM_PANEL,
                    .soon = &soon,
                };
                hardware->multiply(&product);
                FM(finish)(strips, panel, first, n, sums);
                if (layer->rounded && step->last && !layer->limit)
                    FM(round_weights)(layer, panel, first);
            }
        }
    }
    hardware->end();
    for (long panel = strips->panel; last == layer->inputs && panel < strips->panel_end; panel++)
        FM(update_biases)(strips, panel, deltas);
}
#undef words
#undef floats
