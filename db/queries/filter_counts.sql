-- How many series have each value of $by, in the filter: (value, n), the commonest first.
SELECT names.name AS "value", sum(counted.n)::BIGINT AS n
FROM (SELECT /*group*/ 0 AS number, count(*) AS n FROM cohort WHERE /*cohort*/ TRUE GROUP BY 1) AS counted
JOIN names ON names.kind = $by AND names.number = counted.number
GROUP BY names.name
ORDER BY n DESC, "value";
