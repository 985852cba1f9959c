/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "analysis/two_shares.h"

#include <math.h>
#include <stdlib.h>

#include "formats/lt_error.h"

double lt_two_shares(double share_a, uint64_t n_a, double share_b, uint64_t n_b)
{
    double a = (double)n_a, b = (double)n_b;

    if (n_a == 0 || n_b == 0) {
        return -1;
    }
    double pooled = (share_a * a + share_b * b) / (a + b);
    double smaller = a < b ? a : b;
    if (pooled * smaller < LT_LEAST_EXPECTED) {
        return -1;
    }
    if (pooled >= 1) {
        return 1; /* all of both */
    }
    double deviation = sqrt(pooled * (1 - pooled) * (1 / a + 1 / b));
    return erfc(fabs(share_a - share_b) / deviation / sqrt(2));
}

static int compare(const void *left, const void *right)
{
    const double *const *a = left, *const *b = right;
    return (**a > **b) - (**a < **b);
}

int lt_holm(double *p, size_t n)
{
    double **order = calloc(n + 1, sizeof *order);
    double least = 0;

    if (order == NULL) {
        return LT_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = &p[i];
    }
    if (n > 0) {
        qsort(order, n, sizeof *order, compare);
    }
    for (size_t i = 0; i < n; i++) {
        double corrected = *order[i] * (double)(n - i);
        least = corrected > least ? corrected : least;
        least = least < 1 ? least : 1;
        *order[i] = least;
    }
    free(order);
    return 0;
}
