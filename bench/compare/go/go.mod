module gmpsched/compare

go 1.19
