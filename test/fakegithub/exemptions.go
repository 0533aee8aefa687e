package fakegithub

// Gap is what is not compared with GitHub's description where an [Exemption] says so.
type Gap string

// All that can be left out of the comparison.
const (
	// GapOperation: neither request nor answer, since the description does not have the operation.
	GapOperation Gap = "operation"
	// GapRequest: the request.
	GapRequest Gap = "request"
	// GapAnswer: the answer.
	GapAnswer Gap = "answer"
	// GapFutureRule: an answer with a rule of a type that the description does not have.
	GapFutureRule Gap = "answer with a rule of the future"
	// GapRootFolder: the path parameter of the root folder.
	GapRootFolder Gap = "path of the root folder"
	// GapStatus: a status that GitHub gives for any operation, where the operation does not list it. The answer is compared
	// with the shape that such answers have everywhere.
	GapStatus Gap = "status that is not listed"
	// GapFormat: an answer that is not JSON.
	GapFormat Gap = "answer in another format"
	// GapOverlap: an error that fits several shapes of which the description wants exactly one.
	GapOverlap Gap = "error of several shapes"
	// GapNull: a field of a request that the description does not have and that is null.
	GapNull Gap = "unknown field that is null"
)

// Exemption is something that passes through the stand-in and is not compared with GitHub's description.
type Exemption struct {
	// Method and Path name one operation, spelled as in the table of routes; both are empty where it holds for all.
	Method, Path string
	Gap          Gap
	// Why says what is wrong with the description, or what the call is good for.
	Why string
}

// Exemptions lists everything that is not compared, and there is nothing else. The tests of package description ask for
// a call for each that the comparison would object to; one that is no longer needed fails there.
func Exemptions() []Exemption {
	const repo = "/repos/{owner}/{repo}"
	return []Exemption{
		{"GET", "/repositories/{repository_id}", GapOperation, "GitHub has it, redirects renamed repositories to it, and does not describe it"},
		{"GET", "/app/installations", GapAnswer, "the description wants the account to have the fields of users and of enterprises at once"},
		{"POST", repo + "/issues/{issue_number}/labels", GapRequest, "GitHub takes a list of names, as clients send it; the description takes it for several shapes at once"},
		{"PUT", repo + "/issues/{issue_number}/labels", GapRequest, "GitHub takes a list of names, as clients send it; the description takes it for several shapes at once"},
		{"GET", repo + "/rules/branches/{branch}", GapFutureRule, "a reader must survive rules that GitHub does not have yet"},
		{"GET", repo + "/rulesets/{ruleset_id}", GapFutureRule, "a reader must survive rules that GitHub does not have yet"},
		{"GET", repo + "/contents/{path}", GapRootFolder, "the root folder has an empty path, and the description wants something there"},
		{"", "", GapStatus, "GitHub gives errors such as 401, 403, 404 and 500, and 304, everywhere, and lists them for some"},
		{"", "", GapFormat, "files, differences and bare SHAs are text"},
		{"", "", GapOverlap, "the shapes of errors contain each other"},
		{"", "", GapNull, "GitHub ignores a field it does not know, and clients write null for what they leave out"},
	}
}
