package queue_test

const crashURL = "SLUICE_TEST_CRASH_URL"

func crashChild(string) int { return 0 }
