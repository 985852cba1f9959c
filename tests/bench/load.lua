-- SPDX-License-Identifier: Apache-2.0
-- For wrk: the shop's pages by turns, and the figures in one line: requests, microseconds, 99% of them took at most so many, failed.
local number = 0
local pages = { "/orders/page/%d/", "/orders/%d/", "/report/2024/", "/api/orders/%d/" }

request = function()
    number = number + 1
    local page = pages[number % #pages + 1]
    return wrk.format("GET", page:format(number % 190 + 1))
end

done = function(summary, latency)
    local errors = summary.errors
    print(("figures %d %d %d %d"):format(summary.requests, summary.duration, latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
