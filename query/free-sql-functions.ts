/**
 * The functions free SQL may call: those that compute a value from their arguments and nothing else. What
 * reads files, addresses, dictionaries, other tables, settings or the server itself is not here, nor what runs
 * a function named by a string, nor what draws random values, because a pinned answer must stay the same.
 * Names are matched without regard to case.
 */
const FAMILIES: Readonly<Record<string, string>> = {
  arithmetic: `
    abs avg2 byteSwap divide divideDecimal divideOrNull gcd ifNotFinite intDiv intDivOrNull intDivOrZero
    isFinite isInfinite isNaN lcm max2 midpoint min2 minus modulo moduloLegacy moduloOrNull moduloOrZero
    multiply multiplyDecimal negate plus positiveModulo positiveModuloOrNull sqr`,
  arrays: `
    array arrayAll arrayAutocorrelation arrayAvg arrayBottomK arrayCompact arrayConcat arrayCount
    arrayCumSum arrayCumSumNonNegative arrayDifference arrayDistinct arrayDotProduct arrayElement
    arrayElementOrNull arrayEnumerate arrayEnumerateDense arrayEnumerateDenseRanked arrayEnumerateUniq
    arrayEnumerateUniqRanked arrayExcept arrayExists arrayFill arrayFilter arrayFirst arrayFirstIndex
    arrayFirstOrNull arrayFlatten arrayFold arrayIntersect arrayJaccardIndex arrayJoin arrayLast
    arrayLastIndex arrayLastOrNull arrayMap arrayMax arrayMin arrayPartialReverseSort arrayPartialSort
    arrayPopBack arrayPopFront arrayProduct arrayPushBack arrayPushFront arrayRemove arrayResize
    arrayReverse arrayReverseFill arrayReverseSort arrayReverseSplit arrayRotateLeft arrayRotateRight
    arrayShiftLeft arrayShiftRight arrayShingles arraySimilarity arraySlice arraySort arraySplit arraySum
    arraySymmetricDifference arrayTopK arrayUnion arrayUniq arrayWithConstant arrayZip arrayZipUnaligned
    countEqual empty emptyArrayDate emptyArrayDateTime emptyArrayFloat32 emptyArrayFloat64 emptyArrayInt16
    emptyArrayInt32 emptyArrayInt64 emptyArrayInt8 emptyArrayString emptyArrayToSingle emptyArrayUInt16
    emptyArrayUInt32 emptyArrayUInt64 emptyArrayUInt8 has hasAll hasAny hasSubstr indexOf
    indexOfAssumeSorted length notEmpty range reverse`,
  bits: `
    bitAnd bitCount bitHammingDistance bitNot bitOr bitRotateLeft bitRotateRight bitShiftLeft bitShiftRight
    bitSlice bitTest bitTestAll bitTestAny bitXor`,
  comparison: `
    equals greater greaterOrEquals in isDistinctFrom isNotDistinctFrom less lessOrEquals notEquals notIn
    notNullIn nullIn`,
  conditional: `
    clamp greatest if least multiIf`,
  'dates and times': `
    UTCTimestamp YYYYMMDDToDate YYYYMMDDToDate32 YYYYMMDDhhmmssToDateTime YYYYMMDDhhmmssToDateTime64 addDate
    addDays addHours addInterval addMicroseconds addMilliseconds addMinutes addMonths addNanoseconds
    addQuarters addSeconds addTupleOfIntervals addWeeks addYears age changeDay changeHour changeMinute
    changeMonth changeSecond changeYear dateDiff dateName dateTrunc formatDateTime fromDaysSinceYearZero
    fromDaysSinceYearZero32 fromModifiedJulianDay fromModifiedJulianDayOrNull fromUTCTimestamp
    fromUnixTimestamp localtime makeDate makeDate32 makeDateTime makeDateTime64 monthName now now64 subDate
    subtractDays subtractHours subtractInterval subtractMicroseconds subtractMilliseconds subtractMinutes
    subtractMonths subtractNanoseconds subtractQuarters subtractSeconds subtractTupleOfIntervals
    subtractWeeks subtractYears timeDiff timeSlot timeSlots timestamp timezone timezoneOf timezoneOffset
    toDayOfMonth toDayOfWeek toDayOfYear toDaysInMonth toDaysSinceYearZero toHour toISOWeek toISOYear
    toLastDayOfMonth toLastDayOfWeek toMicrosecond toMillisecond toMinute toModifiedJulianDay
    toModifiedJulianDayOrNull toMonday toMonth toMonthNumSinceEpoch toNanosecond toQuarter toRelativeDayNum
    toRelativeHourNum toRelativeMinuteNum toRelativeMonthNum toRelativeQuarterNum toRelativeSecondNum
    toRelativeWeekNum toRelativeYearNum toSecond toStartOfDay toStartOfFifteenMinutes toStartOfFiveMinutes
    toStartOfHour toStartOfISOYear toStartOfInterval toStartOfMicrosecond toStartOfMillisecond
    toStartOfMinute toStartOfMonth toStartOfNanosecond toStartOfQuarter toStartOfSecond toStartOfTenMinutes
    toStartOfWeek toStartOfYear toTimeWithFixedDate toTimezone toUTCTimestamp toUnixTimestamp toWeek
    toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss toYear toYearNumSinceEpoch toYearWeek today yesterday`,
  'time windows': `
    hop hopEnd hopStart tumble tumbleEnd tumbleStart windowID`,
  hashes: `
    MD4 MD5 RIPEMD160 SHA1 SHA224 SHA256 SHA384 SHA512 SHA512_256 URLHash cityHash64 farmFingerprint64
    farmHash64 gccMurmurHash halfMD5 intHash32 intHash64 javaHash javaHashUTF16LE jumpConsistentHash
    kafkaMurmurHash keccak256 kostikConsistentHash metroHash64 murmurHash2_32 murmurHash2_64 murmurHash3_128
    murmurHash3_32 murmurHash3_64 sipHash128 sipHash64 wyHash64 xxHash32 xxHash64 xxHash64Spark xxh3
    xxh3_128`,
  'ip addresses': `
    IPv4CIDRToRange IPv4NumToString IPv4NumToStringClassC IPv4StringToNum IPv4StringToNumOrDefault
    IPv4StringToNumOrNull IPv4ToIPv6 IPv6CIDRToRange IPv6NumToString IPv6StringToNum
    IPv6StringToNumOrDefault IPv6StringToNumOrNull cutIPv6 isIPAddressInRange isIPv4String isIPv6String
    toIPv4 toIPv4OrDefault toIPv4OrNull toIPv4OrZero toIPv6 toIPv6OrDefault toIPv6OrNull toIPv6OrZero`,
  json: `
    JSONAllPaths JSONAllPathsWithTypes JSONAllValues JSONArrayLength JSONExtract JSONExtractArrayRaw
    JSONExtractArrayRawCaseInsensitive JSONExtractBool JSONExtractBoolCaseInsensitive
    JSONExtractCaseInsensitive JSONExtractFloat JSONExtractFloatCaseInsensitive JSONExtractInt
    JSONExtractIntCaseInsensitive JSONExtractKeys JSONExtractKeysAndValues
    JSONExtractKeysAndValuesCaseInsensitive JSONExtractKeysAndValuesRaw
    JSONExtractKeysAndValuesRawCaseInsensitive JSONExtractKeysCaseInsensitive JSONExtractRaw
    JSONExtractRawCaseInsensitive JSONExtractString JSONExtractStringCaseInsensitive JSONExtractUInt
    JSONExtractUIntCaseInsensitive JSONHas JSONKey JSONLength JSONMergePatch JSONType JSON_EXISTS JSON_QUERY
    JSON_VALUE isValidJSON prettyPrintJSON simpleJSONExtractBool simpleJSONExtractFloat simpleJSONExtractInt
    simpleJSONExtractRaw simpleJSONExtractString simpleJSONExtractUInt simpleJSONHas toJSONString`,
  logical: `
    and not or xor`,
  maps: `
    extractKeyValuePairs extractKeyValuePairsWithEscaping map mapAdd mapAll mapApply mapConcat
    mapContainsKey mapContainsKeyLike mapContainsValue mapContainsValueLike mapExists mapExtractKeyLike
    mapExtractValueLike mapFilter mapFromArrays mapKeys mapPartialReverseSort mapPartialSort mapReverseSort
    mapSort mapSubtract mapUpdate mapValues`,
  mathematical: `
    acos acosh asin asinh atan atan2 atanh cbrt cos cosh degrees e erf erfc exp exp10 exp2 factorial hypot
    intExp10 intExp2 isPrime isProbablePrime lgamma log log10 log1p log2 pi pow proportionsZTest radians
    sigmoid sign sin sinh sqrt tan tanh tgamma widthBucket`,
  null: `
    assumeNotNull coalesce firstNonDefault ifNull isNotNull isNull isNullable isZeroOrNull nullIf toNullable`,
  rounding: `
    ceil floor round roundAge roundBankers roundDown roundDuration roundToExp2 trunc`,
  strings: `
    CRC32 CRC32IEEE CRC64 appendTrailingCharIfAbsent ascii base32Decode base32Encode base58Decode
    base58Encode base64Decode base64Encode base64URLDecode base64URLEncode basename byteHammingDistance
    caseFoldUTF8 compareSubstrings concat concatAssumeInjective concatWithSeparator
    concatWithSeparatorAssumeInjective conv damerauLevenshteinDistance decodeHTMLComponent
    decodeXMLComponent editDistance editDistanceUTF8 encodeXMLComponent endsWith endsWithCaseInsensitive
    endsWithCaseInsensitiveUTF8 endsWithUTF8 extractTextFromHTML firstLine initcap initcapUTF8 isValidASCII
    isValidUTF8 jaroSimilarity jaroWinklerSimilarity left leftPad leftPadUTF8 leftUTF8 lengthUTF8 lower
    lowerUTF8 naturalSortKey regexpExtract regexpPosition removeDiacriticsUTF8 repeat reverseUTF8 right
    rightPad rightPadUTF8 rightUTF8 soundex space startsWith startsWithCaseInsensitive
    startsWithCaseInsensitiveUTF8 startsWithUTF8 stringBytesEntropy stringBytesUniq stringJaccardIndex
    stringJaccardIndexUTF8 substring substringIndex substringIndexUTF8 substringUTF8 toValidUTF8 trimBoth
    trimLeft trimRight tryBase32Decode tryBase58Decode tryBase64Decode tryBase64URLDecode upper upperUTF8`,
  replacing: `
    format overlay overlayUTF8 printf regexpQuoteMeta replaceAll replaceOne replaceRegexpAll
    replaceRegexpOne translate translateUTF8`,
  searching: `
    countMatches countMatchesCaseInsensitive countSubstrings countSubstringsCaseInsensitive
    countSubstringsCaseInsensitiveUTF8 extract extractAll extractAllGroupsHorizontal extractGroups
    hasAllTokens hasAnyTokens hasPhrase hasSubsequence hasSubsequenceCaseInsensitive
    hasSubsequenceCaseInsensitiveUTF8 hasSubsequenceUTF8 hasToken hasTokenCaseInsensitive
    hasTokenCaseInsensitiveOrNull hasTokenOrNull ilike like locate match multiMatchAllIndices multiMatchAny
    multiMatchAnyIndex multiSearchAllPositions multiSearchAllPositionsCaseInsensitive
    multiSearchAllPositionsCaseInsensitiveUTF8 multiSearchAllPositionsUTF8 multiSearchAny
    multiSearchAnyCaseInsensitive multiSearchAnyCaseInsensitiveUTF8 multiSearchAnyUTF8 multiSearchFirstIndex
    multiSearchFirstIndexCaseInsensitive multiSearchFirstIndexCaseInsensitiveUTF8 multiSearchFirstIndexUTF8
    multiSearchFirstPosition multiSearchFirstPositionCaseInsensitive
    multiSearchFirstPositionCaseInsensitiveUTF8 multiSearchFirstPositionUTF8 ngramDistance
    ngramDistanceCaseInsensitive ngramDistanceCaseInsensitiveUTF8 ngramDistanceUTF8 ngramSearch
    ngramSearchCaseInsensitive ngramSearchCaseInsensitiveUTF8 ngramSearchUTF8 notILike notLike position
    positionCaseInsensitive positionCaseInsensitiveUTF8 positionUTF8`,
  splitting: `
    alphaTokens arrayStringConcat extractAllGroupsVertical ngrams reverseBySeparator splitByChar
    splitByNonAlpha splitByRegexp splitByString splitByWhitespace tokens`,
  tuples: `
    dotProduct flattenTuple tuple tupleConcat tupleDivide tupleDivideByNumber tupleElement
    tupleHammingDistance tupleIntDiv tupleIntDivByNumber tupleIntDivOrZero tupleIntDivOrZeroByNumber
    tupleMinus tupleModulo tupleModuloByNumber tupleMultiply tupleMultiplyByNumber tupleNames tupleNegate
    tuplePlus tuplePositiveModuloByNumber tupleToNameValuePairs`,
  conversion: `
    CAST DATE accurateCast accurateCastOrDefault accurateCastOrNull fromUnixTimestamp64Micro
    fromUnixTimestamp64Milli fromUnixTimestamp64Nano fromUnixTimestamp64Second parseDateTime
    parseDateTime32BestEffort parseDateTime32BestEffortOrNull parseDateTime32BestEffortOrZero
    parseDateTime64 parseDateTime64BestEffort parseDateTime64BestEffortOrNull
    parseDateTime64BestEffortOrZero parseDateTime64BestEffortUS parseDateTime64BestEffortUSOrNull
    parseDateTime64BestEffortUSOrZero parseDateTime64OrNull parseDateTime64OrZero parseDateTimeBestEffort
    parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero parseDateTimeBestEffortUS
    parseDateTimeBestEffortUSOrNull parseDateTimeBestEffortUSOrZero parseDateTimeOrNull parseDateTimeOrZero
    toBool toDate toDate32 toDate32OrDefault toDate32OrNull toDate32OrZero toDateOrDefault toDateOrNull
    toDateOrZero toDateTime toDateTime32 toDateTime64 toDateTime64OrDefault toDateTime64OrNull
    toDateTime64OrZero toDateTimeOrDefault toDateTimeOrNull toDateTimeOrZero toDecimal128
    toDecimal128OrDefault toDecimal128OrNull toDecimal128OrZero toDecimal32 toDecimal32OrDefault
    toDecimal32OrNull toDecimal32OrZero toDecimal64 toDecimal64OrDefault toDecimal64OrNull toDecimal64OrZero
    toDecimalString toFixedString toFloat32 toFloat32OrDefault toFloat32OrNull toFloat32OrZero toFloat64
    toFloat64OrDefault toFloat64OrNull toFloat64OrZero toInt16 toInt16OrDefault toInt16OrNull toInt16OrZero
    toInt32 toInt32OrDefault toInt32OrNull toInt32OrZero toInt64 toInt64OrDefault toInt64OrNull
    toInt64OrZero toInt8 toInt8OrDefault toInt8OrNull toInt8OrZero toInterval toIntervalDay toIntervalHour
    toIntervalMicrosecond toIntervalMillisecond toIntervalMinute toIntervalMonth toIntervalNanosecond
    toIntervalQuarter toIntervalSecond toIntervalWeek toIntervalYear toLowCardinality toString
    toStringCutToZero toTime toTime64 toTime64OrNull toTime64OrZero toTimeOrNull toTimeOrZero toUInt16
    toUInt16OrDefault toUInt16OrNull toUInt16OrZero toUInt32 toUInt32OrDefault toUInt32OrNull toUInt32OrZero
    toUInt64 toUInt64OrDefault toUInt64OrNull toUInt64OrZero toUInt8 toUInt8OrDefault toUInt8OrNull
    toUInt8OrZero toUUID toUUIDOrZero toUnixTimestamp64Micro toUnixTimestamp64Milli toUnixTimestamp64Nano
    toUnixTimestamp64Second`,
  urls: `
    URLHierarchy URLPathHierarchy cutFragment cutQueryString cutQueryStringAndFragment
    cutToFirstSignificantSubdomain cutToFirstSignificantSubdomainCustom
    cutToFirstSignificantSubdomainCustomWithWWW cutToFirstSignificantSubdomainWithWWW cutURLParameter cutWWW
    decodeURLComponent decodeURLFormComponent domain domainWithoutWWW encodeURLComponent
    encodeURLFormComponent extractURLParameter extractURLParameterNames extractURLParameters
    firstSignificantSubdomain firstSignificantSubdomainCustom fragment netloc path pathFull port protocol
    queryString queryStringAndFragment topLevelDomain`,
  uuids: `
    UUIDNumToString UUIDStringToNum UUIDToNum UUIDv7ToDateTime dateTime64ToSnowflakeID dateTimeToSnowflakeID
    dateTimeToUUIDv7 snowflakeIDToDateTime snowflakeIDToDateTime64 toUUIDOrDefault toUUIDOrNull`,
  aggregates: `
    analysisOfVariance any anyHeavy anyLast anyLast_respect_nulls any_respect_nulls approx_top_k
    approx_top_sum argAndMax argAndMin argMax argMin avg avgWeighted contingency corr corrStable count
    covarPop covarPopStable covarSamp covarSampStable cramersV cramersVBiasCorrected cume_dist deltaSum
    deltaSumTimestamp denseRank entropy exponentialMovingAverage exponentialTimeDecayedAvg
    exponentialTimeDecayedCount exponentialTimeDecayedMax exponentialTimeDecayedSum groupArray
    groupArrayInsertAt groupArrayIntersect groupArrayLast groupArrayMovingAvg groupArrayMovingSum
    groupArraySample groupArraySorted groupBitAnd groupBitOr groupBitXor groupBitmap groupBitmapAnd
    groupBitmapOr groupBitmapXor groupConcat groupUniqArray histogram intervalLengthSum kurtPop kurtSamp lag
    lagInFrame lead leadInFrame mannWhitneyUTest max maxIntersections maxIntersectionsPosition
    maxMappedArrays meanZTest min minMappedArrays nonNegativeDerivative nth_value ntile percentRank quantile
    quantileDeterministic quantileExact quantileExactExclusive quantileExactHigh quantileExactInclusive
    quantileExactLow quantileExactWeighted quantileExactWeightedInterpolated quantileInterpolatedWeighted
    quantileTDigest quantileTDigestWeighted quantileTiming quantileTimingWeighted quantiles
    quantilesDeterministic quantilesExact quantilesExactExclusive quantilesExactHigh quantilesExactInclusive
    quantilesExactLow quantilesExactWeighted quantilesExactWeightedInterpolated
    quantilesInterpolatedWeighted quantilesTDigest quantilesTDigestWeighted quantilesTiming
    quantilesTimingWeighted rank rankCorr retention row_number sequenceCount sequenceMatch
    sequenceMatchEvents sequenceNextNode simpleLinearRegression singleValueOrNull skewPop skewSamp stddevPop
    stddevPopStable stddevSamp stddevSampStable studentTTest studentTTestOneSample sum sumCount sumKahan
    sumMapFiltered sumMapFilteredWithOverflow sumMapWithOverflow sumMappedArrays sumWithOverflow theilsU
    topK topKWeighted uniq uniqCombined uniqCombined64 uniqExact uniqHLL12 uniqUpTo varPop varPopStable
    varSamp varSampStable welchTTest windowFunnel`,
  encoding: `
    bin char hex unbin unhex`,
  readable: `
    bar formatReadableDecimalSize formatReadableQuantity formatReadableSize formatReadableTimeDelta
    parseTimeDelta toColumnTypeName toTypeName transform visibleWidth`,
  geometry: `
    geoDistance geohashDecode geohashEncode greatCircleAngle greatCircleDistance pointInPolygon`,
  aliases: `
    BIT_AND BIT_OR BIT_XOR CARDINALITY CHARACTER_LENGTH CHAR_LENGTH COVAR_POP COVAR_SAMP DATE_DIFF
    DATE_FORMAT DATE_TRUNC DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR FORMAT_BYTES FROM_BASE64 FROM_DAYS
    FROM_UNIXTIME HOUR INET6_ATON INET6_NTOA INET_ATON INET_NTOA JSON_ARRAY_LENGTH LAST_DAY MAP_FROM_ARRAYS
    MICROSECOND MILLISECOND MINUTE MONTH NANOSECOND NATURAL_SORT_KEY OCTET_LENGTH QUARTER REGEXP_EXTRACT
    REGEXP_MATCHES REGEXP_REPLACE REGEXP_SUBSTR SECOND STD STDDEV STDDEV_POP STDDEV_SAMP SUBSTRING_INDEX
    TIMESTAMP_DIFF TO_BASE64 TO_DAYS TO_UNIXTIME UTC_timestamp VAR_POP VAR_SAMP YEAR anova
    anyLastRespectNulls anyRespectNulls anyValueRespectNulls any_value any_value_respect_nulls
    approx_top_count array_agg array_remove array_to_string byteSlice caseWithoutExpr caseWithoutExpression
    ceiling concat_ws curdate current_date current_timestamp date_bin date_diff dense_rank extractAllGroups
    firstValueRespectNulls first_value first_value_respect_nulls flatten from_utc_timestamp group_concat
    hasAllToken hasAnyToken instr isASCII jsonMergePatch lastValueRespectNulls last_value
    last_value_respect_nulls lcase levenshteinDistance levenshteinDistanceUTF8 ln localtimestamp lpad ltrim
    mapContains mapFromString matchPhrase max_by median medianDeterministic medianExact medianExactHigh
    medianExactLow medianExactWeighted medianExactWeightedInterpolated medianInterpolatedWeighted
    medianTDigest medianTDigestWeighted medianTiming medianTimingWeighted mid min_by mismatches mod
    modOrNull percent_rank pmod pmodOrNull positive_modulo positive_modulo_or_null power regexpInstr
    regexp_instr removeAccentsUTF8 replace rpad rtrim scalarProduct splitByAlpha str_to_date str_to_map
    string_agg substr timeZone timeZoneOf timeZoneOffset time_bucket timestampDiff timestamp_diff
    toStartOfFiveMinute toTimeZone to_utc_timestamp trim truncate ucase unnest vectorDifference vectorSum
    visitParamExtractBool visitParamExtractFloat visitParamExtractInt visitParamExtractRaw
    visitParamExtractString visitParamExtractUInt visitParamHas week width_bucket yandexConsistentHash
    yearweek`,
  // How the parser writes syntax that is not a call by name.
  syntax: `
    exists lambda`,
};

/** Suffixes that make another aggregate of one: `countIf`, `sumOrNull`, `uniqExactArrayIf`. */
const COMBINATOR = /(?:if|array|distinct|ordefault|ornull|foreach|map|argmin|argmax)$/;

const allowed = new Set(Object.values(FAMILIES).flatMap((names) => names.trim().toLowerCase().split(/\s+/)));

/** Whether free SQL may call a function of that name. */
export function isAllowedFunction(name: string): boolean {
  const lower = name.toLowerCase();
  return allowed.has(lower) || isCombined(lower);
}

/** Every name of the list, for the test that compares it with the engine. */
export function allowedFunctions(): readonly string[] {
  return [...allowed];
}

function isCombined(name: string): boolean {
  for (let rest = name; COMBINATOR.test(rest);) {
    rest = rest.replace(COMBINATOR, '');
    if (allowed.has(rest)) return true;
  }
  return false;
}
