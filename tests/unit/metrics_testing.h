/* metrics_testing: metrics as hosts reply them, with ' in place of ". */
#ifndef TESTS_UNIT_METRICS_TESTING_H
#define TESTS_UNIT_METRICS_TESTING_H

#define METRIC(name, kind, unit, samples) \
    "{'name':'" name "','kind':'" kind "','unit':'" unit "','help':'Help of " name ".','samples':[" samples "]}"
#define REQUESTS(value) \
    METRIC("fcgi_requests", "counter", "requests", "{'labels':{'pool':'php'},'value':" value ",'created':100.5}")
#define RESULTS                                                                        \
    METRIC("fcgi_requests_completed", "counter", "requests",                           \
           "{'labels':{'pool':'php','result':'answered'},'value':90,'created':100.5}," \
           "{'labels':{'pool':'php','result':'queue_full'},'value':0,'created':100.5}")
#define BUSY \
    METRIC("fcgi_worker_busy_seconds", "counter", "seconds", "{'labels':{'pool':'php'},'value':0.000001,'created':100.5}")
#define STATE                                                       \
    METRIC("fcgi_pool_state", "stateset", "",                       \
           "{'labels':{'pool':'php','state':'running'},'value':1}," \
           "{'labels':{'pool':'php','state':'draining'},'value':0}")
#define QUEUED METRIC("fcgi_requests_queued", "gauge", "requests", "{'labels':{'pool':'php'},'value':0}")
/* 60 within 0.25 ms, 42 within a second, 1 beyond. */
#define EXECUTION                                                                                                         \
    METRIC("fcgi_request_execution_seconds", "histogram", "seconds",                                                      \
           "{'labels':{'pool':'php'},'buckets':[{'le':0.00025,'count':60},{'le':1,'count':102},{'le':null,'count':103}]," \
           "'count':103,'sum':20.6,'created':100.5}")
#define ERRORS METRIC("fcgi_config_errors", "gauge", "", "{'labels':{},'value':4}")

#endif
