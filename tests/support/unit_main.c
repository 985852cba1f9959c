/* SPDX-License-Identifier: Apache-2.0
 *
 * Registers, runs and sums up one suite. */
#include "config.h"

#include "tests/support/unit_main.h"

#include <CUnit/Basic.h>
#include <stdlib.h>

int lt_unit_main(const char *suite, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = {
        {.pName = suite, .pTests = tests},
        CU_SUITE_INFO_NULL,
    };
    unsigned failures;

    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
        return EXIT_FAILURE;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    if (CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_tests_run() == 0) {
        return EXIT_FAILURE;
    }
    failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
