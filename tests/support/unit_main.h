/* SPDX-License-Identifier: Apache-2.0
 *
 * The main of a CUnit program: one suite, and an exit status that is the truth. */
#ifndef LT_UNIT_MAIN_H
#define LT_UNIT_MAIN_H

#include <CUnit/CUnit.h>

/* Runs the tests (ended by CU_TEST_INFO_NULL) and returns what main is to return: 0 only if all of
 * them ran and none failed. */
int lt_unit_main(const char *suite, CU_TestInfo *tests);

#endif
