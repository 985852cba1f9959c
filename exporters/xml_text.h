/* SPDX-License-Identifier: Apache-2.0
 *
 * Names from foreign programs as text of an XML document (SVG, XHTML), also between quotes. */
#ifndef LT_XML_TEXT_H
#define LT_XML_TEXT_H

struct lt_buf;

/* Appends a text, cleaned (clean_text.h), without what XML does not allow and with entities for
 * what it takes for markup. 0 or LT_ERR_NOMEM. */
int lt_xml_text(struct lt_buf *out, const char *text);

#endif
