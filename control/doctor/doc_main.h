/* doc_main: the command `culvert doctor [config FILE] [json]`. */
#ifndef CONTROL_DOCTOR_DOC_MAIN_H
#define CONTROL_DOCTOR_DOC_MAIN_H

#include <stdbool.h>

/* Prints the report. config NULL: /etc/culvert/culvert.conf. 0: the main job of the configuration can run; 1: it could not. */
int doc_main(const char *config, bool json, const char *run_dir, const char *dp_program);

#endif
